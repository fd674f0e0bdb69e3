"""Holds each kind of log line to a rate, and says how many were left out, come what may."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import structlog

from kull_protos.common.rates import Buckets

RATE: Final = 20.0  # lines a second of one kind
BURST: Final = 200.0  # lines of one kind at once
MAX_KINDS: Final = 1000
TOLD_AFTER: Final = 60.0  # seconds

log = structlog.get_logger(__name__)

Later = Callable[[float, Callable[[], None]], None]


def in_a_thread(seconds: float, do: Callable[[], None]) -> None:
    """Do it later, in a thread of its own, which keeps no process alive."""
    timer = threading.Timer(seconds, do)
    timer.name, timer.daemon = "kull-log-left-out", True
    timer.start()


class Limit:
    """Holds each kind of line to a rate; the next one that is written says how many were left out.

    A kind is what a line says without its fields, of a library's lines the library's logger. Where
    no further one comes, a line `lines_left_out` says it within TOLD_AFTER seconds.

    Args:
        now: seconds from any point, monotonic.
        later: has something done in so many seconds, in any thread; None: only the next line says.
    """

    def __init__(self, now: Callable[[], float], later: Later | None = None) -> None:
        self._now = now
        self._later = later
        self._buckets = Buckets(rate=RATE, burst=BURST, max_keys=MAX_KINDS)
        self._left_out: Counter[str] = Counter()
        self._since = 0.0
        self._waiting = False  # for `tell`
        self._lock = threading.Lock()

    def __call__(self, _logger: object, _method: str, line: dict[str, Any]) -> dict[str, Any]:
        """See structlog's processors."""
        kind = str(line.get("logger") or line.get("event"))
        with self._lock:
            if self._buckets.take(kind, self._now()):
                self._leave_out(kind)
                raise structlog.DropEvent
            if left_out := self._left_out.pop(kind, 0):
                line["left_out"] = left_out
        return line

    def tell(self) -> None:
        """Say what was left out and not said yet."""
        with self._lock:
            left_out, self._left_out = self._left_out, Counter()
            self._waiting = False
            seconds = round(self._now() - self._since)
        for kind, count in left_out.items():
            log.warning("lines_left_out", kind=kind, left_out=count, seconds=seconds)

    def _leave_out(self, kind: str) -> None:
        self._left_out[kind] += 1
        if self._later and not self._waiting:
            self._waiting, self._since = True, self._now()
            self._later(TOLD_AFTER, self.tell)
