"""The pings of one connection: is the peer alive, and what has it taken. PURE."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto
from typing import Final

from kull_edge.session.subscription import Subscription

KEEPALIVE_PAYLOAD: Final = b"keepalive"


class Verdict(Enum):
    """What a keepalive deadline means."""

    WAIT = auto()  # it was not silent
    PING = auto()  # silent: ask
    DEAD = auto()  # asked, and still silent


class Keepalive:
    """Finds silent peers. Times are seconds of a monotonic clock."""

    __slots__ = ("_interval", "_pinged", "_pong_timeout", "_received")

    def __init__(self, interval: float, pong_timeout: float, now: float) -> None:
        self._received = now
        self._interval = interval
        self._pong_timeout = pong_timeout
        self._pinged: float | None = None

    def received(self, now: float) -> None:
        """Bytes came: the peer is alive."""
        self._received = now

    @property
    def next_at(self) -> float:
        """When to call `check` next."""
        if self._pinged is not None:
            return self._pinged + self._pong_timeout
        return self._received + self._interval

    def check(self, now: float) -> Verdict:
        """Judge the peer. Anything it sent since the ping counts as an answer."""
        if self._pinged is not None and self._received <= self._pinged:
            return Verdict.DEAD
        self._pinged = None
        if now < self.next_at:
            return Verdict.WAIT
        self._pinged = now
        return Verdict.PING


class PositionPings:
    """The plain dialect's acknowledgement: a pong confirms all that was written before its ping.

    One ping is open at a time; its payload is a counter, so that no other pong can be mistaken.
    """

    __slots__ = ("_count", "_marks", "_open")

    def __init__(self) -> None:
        self._count = 0
        self._open = b""
        self._marks: list[tuple[Subscription, int]] = []  # what the open ping's pong acknowledges

    def next(self, subscriptions: Iterable[Subscription]) -> bytes | None:
        """Return the payload of a ping to send now, or None: one is open, or nothing is unacked."""
        if self._open:
            return None
        self._marks = [(each, each.last_open) for each in subscriptions if each.last_open]
        if not self._marks:
            return None
        self._count += 1
        self._open = b"%d" % self._count
        return self._open

    def pong(self, payload: bytes, now: float = 0.0) -> None:
        """Take a pong; acknowledges if it answers the open ping. `now`: see `Subscription`."""
        if not self._open or payload != self._open:
            return
        self._open = b""
        for subscription, seq in self._marks:
            subscription.ack(seq, now)
