"""The monotonic clock of a node at the other end of a stream, read on one's own. PURE."""

from __future__ import annotations

from typing import Final

WINDOW: Final = 5.0  # seconds of messages from which the quickest one counts
QUIET: Final = 60.0  # seconds: a stream that hangs for as long has ended


class PeerClock:
    """Knows how two monotonic clocks differ, by the quickest of the last messages.

    A message says when it was sent by the peer's clock. The difference to when it came is that of
    the clocks and the time that it took; the smallest is the truest. A message that was held up is
    told from others by that, as long as those before it were not.

    What it says is for measurements and for what may be wrong by a message's way: it is not exact,
    and after a while in which every message was slow it says too little.

    `now`: seconds of one's own monotonic clock.
    """

    def __init__(self) -> None:
        self._before: float | None = None  # the least difference in the window before, in ms
        self._least: float | None = None  # in this one
        self._began = self._last = 0.0
        self._sent_ms = 0.0  # the last message, by the peer's clock

    def heard(self, sent_ms: float, now: float) -> None:
        """A message came that was sent then, in ms of the peer's clock; 0: it does not say."""
        self._sent_ms = sent_ms
        if not sent_ms:
            return
        difference = now * 1000 - sent_ms
        if now - self._last > QUIET:
            self._before = self._least = None
        self._last = now
        if self._least is None or now - self._began > WINDOW:
            self._before, self._least, self._began = self._least, difference, now
        self._least = min(self._least, difference)

    def here(self, peer_ms: int, now: float) -> int:
        """Return a moment of the peer's clock in ms of one's own; now, if it is not known."""
        known = [each for each in (self._before, self._least) if each is not None]
        if not known or not peer_ms:
            return round(now * 1000)
        return round(peer_ms + min(known))

    def sent_at(self) -> float | None:
        """Return when the last message was sent, in seconds of one's own clock.

        None: it did not say. By a clock that would have every message of the last seconds arrive at
        once that came as quickly as the quickest.
        """
        least = self._least
        if not self._sent_ms or least is None:
            return None
        before = self._before
        return (self._sent_ms + (least if before is None else min(before, least))) / 1000
