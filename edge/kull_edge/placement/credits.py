"""A bounded number of unanswered requests; the rest waits its turn. PURE."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Credits(Generic[K]):
    """At most `limit` requests unanswered at once, first come first served, one place per key."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self._waiting: dict[K, None] = {}  # a dict keeps the order and finds a key at once

    @property
    def waiting(self) -> int:
        """How many stand in the line."""
        return len(self._waiting)

    def want(self, key: K) -> None:
        """Put the key at the end of the line, unless it stands there already."""
        self._waiting.setdefault(key)

    def forget(self, key: K) -> None:
        """Take the key out of the line, if it is there."""
        self._waiting.pop(key, None)

    def take(self) -> K | None:
        """Return the first key of the line and spend a credit, or None if that is not possible."""
        if not self._waiting or self.used >= self.limit:
            return None
        key = next(iter(self._waiting))
        del self._waiting[key]
        self.used += 1
        return key

    def give(self) -> None:
        """Return a credit: a request was answered, or not sent after all."""
        self.used -= 1
