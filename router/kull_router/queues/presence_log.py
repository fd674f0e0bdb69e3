"""The port to what was said, and is to be said, of who is there: see `kull_router.status`. PURE.

`tests/contract/store/test_presence_log.py` has the suite for its adapters.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The newest word on a device, or on its user (`device` is empty), for `kull.presence`.

    Attributes:
        term, number: its generation, term of the user's shard first: the higher is the newer.
        at_ms: since when it is so, milliseconds since the Unix epoch.
        told: RabbitMQ has confirmed it; else that was only begun.
    """

    user: str
    device: str = ""
    term: int
    number: int
    at_ms: int
    online: bool
    told: bool = False


class PresenceLog(Protocol):
    """Durable words, one for each device and user. Every call raises StoreUnavailable."""

    async def tell(self, shard: int, term: int, words: Sequence[Told]) -> None:
        """Keep words on users of a shard, instead of what was kept of each. Durable on return.

        One that says offline, and was told, is forgotten: nothing more is to come of it.
        Raises Fenced if another owner holds the shard: nothing was kept.
        """
        ...

    async def told(self, shard: int) -> list[Told]:
        """Return all words on a shard's users, in order of users and devices."""
        ...

    async def last_seen(self, users: Collection[str]) -> dict[str, int]:
        """Return when the known ones of these users were last here, ms since the Unix epoch."""
        ...
