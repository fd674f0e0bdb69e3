"""All deadlines of an edge in one heap, instead of a task or a loop handle per connection. PURE."""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from itertools import count
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Timers(Generic[K]):
    """Deadlines by key, at most one per key; times are seconds of the caller's monotonic clock."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, K]] = []
        self._current: dict[K, int] = {}  # key -> number of its valid heap entry
        self._numbers = count()

    def __len__(self) -> int:
        return len(self._current)

    def schedule(self, key: K, at: float) -> None:
        """Set the key's deadline, replacing an earlier one."""
        number = next(self._numbers)
        self._current[key] = number
        heapq.heappush(self._heap, (at, number, key))
        if len(self._heap) > 2 * len(self._current) + 64:
            self._compact()

    def cancel(self, key: K) -> None:
        """Forget the key's deadline, if it has one."""
        self._current.pop(key, None)

    def due(self, now: float) -> list[K]:
        """Remove and return the keys whose time has come, earliest first."""
        keys = []
        while self._heap and self._heap[0][0] <= now:
            _, number, key = heapq.heappop(self._heap)
            if self._current.get(key) == number:
                del self._current[key]
                keys.append(key)
        return keys

    @property
    def next_at(self) -> float | None:
        """When `due` next returns something, or None when nothing is scheduled."""
        while self._heap and self._current.get(self._heap[0][2]) != self._heap[0][1]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def _compact(self) -> None:
        # Cancelled entries stay in the heap until they surface; this bounds how many there are.
        self._heap = [entry for entry in self._heap if self._current.get(entry[2]) == entry[1]]
        heapq.heapify(self._heap)
