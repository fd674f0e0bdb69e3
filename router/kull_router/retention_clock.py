"""The time by which what is stored grows old. PURE."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

PULL: Final = 0.1  # how much faster or slower than time passes, at most


class RetentionClock:
    """Goes on as time passes, and is drawn towards the wall clock by a tenth of that.

    A wall clock that jumps, for four seconds or for good, makes nothing old at once: an age counts
    at most a tenth too much or too little. The time in which no router ran counts as little as a
    jump does. It never goes back.

    Args:
        wall_ms: milliseconds since the Unix epoch.
        monotonic: seconds.
        since_ms: where it stood when it was last seen; 0: never, it begins with the wall clock.
    """

    def __init__(
        self, *, wall_ms: Callable[[], int], monotonic: Callable[[], float], since_ms: int = 0
    ) -> None:
        self._wall_ms = wall_ms
        self._monotonic = monotonic
        self._ms = float(since_ms)
        self._at: float | None = None

    def ms(self) -> int:
        """Return milliseconds since the Unix epoch."""
        now, wall_ms = self._monotonic(), self._wall_ms()
        if self._at is None:
            self._ms = self._ms or wall_ms
        else:
            passed = max(0.0, now - self._at) * 1000
            off = wall_ms - (self._ms + passed)
            self._ms += passed + max(-PULL * passed, min(off, PULL * passed))
        self._at = now
        return int(self._ms)
