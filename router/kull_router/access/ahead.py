"""How far the clocks of those who issue tokens are ahead of a router's. PURE."""

from __future__ import annotations

from typing import Final

MEMORY: Final = 600.0  # seconds at least; longer than any clock is believed to be ahead
JUMP_MS: Final = 1000  # more than a clock is slewed between two tokens


class Ahead:
    """The most that a token's time of issue was ahead of us within the last MEMORY seconds.

    A token is shown after it was issued, so an issuer is ahead by as much at least. What was seen
    by a clock of ours that has jumped since tells nothing. `now`: seconds of a monotonic clock.

    Args:
        most_ms: further ahead nobody is believed to be.
    """

    def __init__(self, most_ms: int) -> None:
        self._limit_ms = most_ms
        self._most = self._before = 0  # ms: in this period, in the one before
        self._ends = 0.0
        self._offset_ms: float | None = None  # of our wall clock to the monotonic one

    def note(self, issued_ms: int, wall_ms: int, now: float) -> None:
        """A token that was issued then is shown."""
        self._turn(wall_ms, now)
        self._most = max(self._most, min(issued_ms - wall_ms, self._limit_ms))

    def ms(self, wall_ms: int, now: float) -> int:
        """Return it; 0: none was ahead."""
        self._turn(wall_ms, now)
        return max(self._most, self._before)

    def _turn(self, wall_ms: int, now: float) -> None:
        offset_ms = wall_ms - now * 1000
        if self._offset_ms is not None and abs(offset_ms - self._offset_ms) > JUMP_MS:
            self._most = self._before = 0
        self._offset_ms = offset_ms
        if now >= self._ends:
            long_ago = now >= self._ends + MEMORY
            self._before, self._most = 0 if long_ago else self._most, 0
            self._ends = now + MEMORY
