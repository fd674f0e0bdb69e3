"""A running estimate of the time that is left. PURE."""

from __future__ import annotations

from collections import deque


class RunningEta:
    """Estimates the seconds left from the mean of the last few items' durations."""

    def __init__(self, total: int, *, now: float, window: int = 8) -> None:
        """Start at `now` (seconds of any monotonic clock) with `total` items to go."""
        self._left = total
        self._last = now
        self._durations: deque[float] = deque(maxlen=window)

    def item_done(self, *, now: float) -> float:
        """Count one item as done at `now`; return the seconds left, rounded to tenths."""
        self._durations.append(max(0.0, now - self._last))
        self._last = now
        self._left = max(0, self._left - 1)
        return round(self._left * sum(self._durations) / len(self._durations), 1)
