"""An edge's monotonic clock, read on this router's own. PURE."""

from __future__ import annotations

from typing import Final

WINDOW: Final = 5.0  # seconds of messages from which the quickest one counts
QUIET: Final = 60.0  # seconds: a stream that hangs for as long has ended


class EdgeClock:
    """Knows how two monotonic clocks differ, by the quickest of the last messages.

    A message says when it was sent by the edge's clock. The difference to when it came is that of
    the clocks and the time that it took; the smallest is the truest. A message that was held up is
    told from others by that, as long as those before it were not.

    `now`: seconds of the router's monotonic clock.
    """

    def __init__(self) -> None:
        self._before: float | None = None  # the least difference in the window before, in ms
        self._least: float | None = None  # in this one
        self._began = self._last = 0.0

    def heard(self, sent_ms: int, now: float) -> None:
        """A message came that was sent then, in ms of the edge's clock; 0: it does not say."""
        if not sent_ms:
            return
        difference = now * 1000 - sent_ms
        if now - self._last > QUIET:
            self._before = self._least = None
        self._last = now
        if self._least is None or now - self._began > WINDOW:
            self._before, self._least, self._began = self._least, difference, now
        self._least = min(self._least, difference)

    def here(self, edge_ms: int, now: float) -> int:
        """Return a moment of the edge's clock in ms of this router's; now, if it is not known."""
        known = [each for each in (self._before, self._least) if each is not None]
        if not known or not edge_ms:
            return round(now * 1000)
        return round(edge_ms + min(known))
