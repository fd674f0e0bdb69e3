"""Who was there, in memory: the part of the twin that is a `PresenceLog`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from kull_router.queues.port import DeviceInfo
from kull_router.queues.presence_log import Told
from kull_router.queues.rules import Cursor

Words = dict[tuple[str, str], tuple[int, Told]]
"""What a disk would hold: by user and device, with the shard."""


@dataclass(slots=True)
class KeptDevice:
    """A device's row, and its cursors by address."""

    info: DeviceInfo
    last_seen_ms: int
    cursors: dict[str, Cursor] = field(default_factory=dict)


class MemoryPresence(ABC):
    """A `PresenceLog`, on what a store keeps."""

    def __init__(self, words: Words, devices: Mapping[str, Mapping[str, KeptDevice]]) -> None:
        self._words = words
        self._seen = devices

    @abstractmethod
    def _check_open(self) -> None: ...

    @abstractmethod
    def _check_term(self, shard: int, term: int) -> None: ...

    async def tell(self, shard: int, term: int, words: Sequence[Told]) -> None:
        """See `PresenceLog.tell`."""
        self._check_open()
        self._check_term(shard, term)
        for word in words:
            if word.told and not word.online:
                self._words.pop((word.user, word.device), None)
            else:
                self._words[word.user, word.device] = (shard, word)

    async def told(self, shard: int) -> list[Told]:
        """See `PresenceLog.told`."""
        self._check_open()
        return [word for _, (of, word) in sorted(self._words.items()) if of == shard]

    async def last_seen(self, users: Collection[str]) -> dict[str, int]:
        """See `PresenceLog.last_seen`."""
        self._check_open()
        return {
            user: max(device.last_seen_ms for device in self._seen[user].values())
            for user in users
            if self._seen.get(user)
        }
