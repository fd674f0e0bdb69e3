"""When to acknowledge: lazily, but long before the server's window is full. PURE."""

from __future__ import annotations

from typing import Final

WINDOW: Final = 64  # events, of a server that does not tell
DELAY: Final = 1.0  # seconds, the same way
MAX_BYTES: Final = 32_768  # a server's window of bytes is several times that


class LazyAcks:
    """Collects what was processed. Times are in seconds of any one clock."""

    def __init__(self) -> None:
        self._max_events = WINDOW // 2
        self._delay = DELAY
        self._seqs: dict[str, int] = {}
        self._events = 0
        self._bytes = 0
        self._at: float | None = None

    @property
    def at(self) -> float | None:
        """When `take` is due; None while there is nothing to acknowledge."""
        return self._at

    def opened(self, window: int, delay: float) -> None:
        """Start with a new connection, whose server stops after `window` open events.

        `delay`: seconds that it lets acknowledgements wait for others.
        """
        self._max_events = max(1, window // 2)
        self._delay = delay
        self.take()

    def add(self, queue: str, seq: int, size: int, now: float) -> None:
        """Note that an event of `size` bytes was processed."""
        self._seqs[queue] = max(seq, self._seqs.get(queue, 0))
        self._events += 1
        self._bytes += size
        wanted = now + self._delay
        if self._events >= self._max_events or self._bytes >= MAX_BYTES:
            wanted = now
        self._at = wanted if self._at is None else min(self._at, wanted)

    def forget(self, queue: str) -> None:
        """Acknowledge nothing of a queue that is followed no more."""
        self._seqs.pop(queue, None)

    def take(self) -> dict[str, int]:
        """Return per queue the seq to acknowledge, and start anew."""
        seqs, self._seqs = self._seqs, {}
        self._events = self._bytes = 0
        self._at = None
        return seqs
