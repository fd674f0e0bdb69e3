"""Which devices and users may have to be spoken of, and a bound on how many. PURE."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Final, NamedTuple

MANY: Final = 10_000  # above it, what needs no word is looked for


class Key(NamedTuple):
    """A device of a user, or the user itself: then `device` is empty."""

    user: str
    device: str = ""


class Changes:
    """Each of them once, in the order of their coming, by shard, with the time of its last change.

    is_needed: whether anything is to be said of one: asked when there are many, so that devices
        that came and went while RabbitMQ was away leave nothing behind.
    """

    def __init__(self, is_needed: Callable[[int, Key], bool]) -> None:
        self._is_needed = is_needed
        self._of: dict[int, dict[Key, int]] = {}
        self._count = 0
        self._limit = MANY

    def __len__(self) -> int:
        return self._count

    def add(self, shard: int, key: Key, at_ms: int) -> None:
        """One may have changed, at this time."""
        keys = self._of.setdefault(shard, {})
        self._count += key not in keys
        keys[key] = at_ms
        if self._count > self._limit:
            self._prune()

    def put_back(self, shard: int, key: Key, at_ms: int) -> None:
        """One could not be spoken of; it may have changed again since it was taken."""
        if key not in self._of.get(shard, {}):
            self.add(shard, key, at_ms)

    def take(self, shard: int, limit: int) -> list[tuple[Key, int]]:
        """Take out the first ones of a shard."""
        keys = self._of.get(shard, {})
        taken = list(islice(keys.items(), limit))
        for key, _ in taken:
            del keys[key]
        self._count -= len(taken)
        return taken

    def drop(self, shard: int) -> None:
        """Another router speaks of them."""
        self._count -= len(self._of.pop(shard, {}))

    def _prune(self) -> None:
        for shard, keys in self._of.items():
            self._of[shard] = {
                key: at_ms for key, at_ms in keys.items() if self._is_needed(shard, key)
            }
        self._count = sum(map(len, self._of.values()))
        self._limit = max(MANY, 2 * self._count)
