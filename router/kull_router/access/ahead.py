"""How far the clocks of those who issue tokens are ahead of a router's. PURE."""

from __future__ import annotations

from typing import Final

MEMORY: Final = 600.0  # seconds at least; longer than any clock is believed to be ahead


class Ahead:
    """The most that a token's time of issue was ahead of us within the last MEMORY seconds.

    A token is shown after it was issued, so an issuer is ahead by as much at least. `now`: seconds
    of a monotonic clock.
    """

    def __init__(self) -> None:
        self._most = self._before = 0  # ms: in this period, in the one before
        self._ends = 0.0

    def note(self, issued_ms: int, wall_ms: int, now: float) -> None:
        """A token that was issued then is shown."""
        if issued_ms > wall_ms:
            self._turn(now)
            self._most = max(self._most, issued_ms - wall_ms)

    def ms(self, now: float) -> int:
        """Return it; 0: none was ahead."""
        self._turn(now)
        return max(self._most, self._before)

    def _turn(self, now: float) -> None:
        if now >= self._ends:
            long_ago = now >= self._ends + MEMORY
            self._before, self._most = 0 if long_ago else self._most, 0
            self._ends = now + MEMORY
