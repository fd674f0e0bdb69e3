"""The publisher: as fast as confirms and devices allow, or at a steady rate whatever happens."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.load import events
from bench.load.counters import Counters
from bench.load.outlets import Outlet
from bench.load.worker import now_us

IN_FLIGHT = 256  # unconfirmed events of the closed loop
TURN = 0.001  # seconds
CATCH_UP = 180.0  # seconds until a backlog counts as not delivered


class Publishing:
    """The publishing process. A `Worker` runs it.

    `counters`: what has been delivered, written by the devices' processes.
    """

    def __init__(
        self, outlet: Callable[[], Outlet], users: Sequence[str], fanout: int, counters: Path
    ) -> None:
        self._outlet = outlet()
        self._users = list(users)
        self._next_user = itertools.cycle(self._users)
        self._fanout = fanout
        self._counters = Counters(counters)
        self._numbers: Counter[str] = Counter()
        self._run = secrets.token_hex(6).encode()
        self._published = 0
        self._expected = 0  # deliveries
        self._stop = False

    async def open(self) -> None:
        """Connect."""
        await self._outlet.open()

    async def saturate(self, seconds: float, outstanding: int) -> float:
        """Publish as much as is taken, for so long; return the events per second.

        At most IN_FLIGHT events are unconfirmed, and `outstanding` not at all of their devices.
        """
        begin, first = time.monotonic(), self._published
        while (now := time.monotonic()) < begin + seconds:
            missing = (self._expected - self._counters.total()) // self._fanout
            room = min(IN_FLIGHT - self._outlet.unconfirmed, outstanding - missing)
            for _ in range(min(room, 64)):
                self._publish(next(self._next_user), now_us())
            await asyncio.sleep(0 if room > 0 else TURN)
        return (self._published - first) / (now - begin)

    async def steady(self, seconds: float, rate: float, every: float = TURN) -> float:
        """Publish at a rate, each event stamped with the time it was due; return the worst lag.

        What is due within `every` seconds is published at once. The lag is in seconds: how late
        this process was, not the rival.
        """
        begin, worst, sent = time.monotonic(), 0.0, 0
        while (passed := time.monotonic() - begin) < seconds:
            worst = max(worst, passed - sent / rate)
            while sent / rate <= passed:
                self._publish(next(self._next_user), round((begin + sent / rate) * 1e6))
                sent += 1
            await asyncio.sleep(every)
        return worst

    async def backlog(self, each: int) -> None:
        """Publish so many events to every user, and return when all are confirmed."""
        for _ in range(each):
            for user in self._users:
                while self._outlet.unconfirmed >= IN_FLIGHT:
                    await asyncio.sleep(TURN)
                self._publish(user, now_us())
        while self._outlet.unconfirmed:
            await asyncio.sleep(TURN)

    async def broadcast(self, devices: int) -> float:
        """Publish one event to everybody; return the seconds until every device has it."""
        begin = time.monotonic()
        self._publish(events.EVERYBODY, now_us(), devices)
        await self.level()
        return time.monotonic() - begin

    async def level(self) -> bool:
        """Wait until everything published is delivered; return whether it came to that."""
        end = time.monotonic() + CATCH_UP
        while self._counters.total() < self._expected:
            if time.monotonic() > end:
                self._expected = self._counters.total()  # the rest is given up
                return False
            await asyncio.sleep(TURN)
        return True

    async def expected(self) -> int:
        """Return how many deliveries all that was published amounts to."""
        return self._expected

    async def aclose(self) -> None:
        """Disconnect."""
        await self._outlet.aclose()

    def _publish(self, user: str, sent: int, fanout: int = 0) -> None:
        self._published += 1
        self._numbers[user] += 1
        self._expected += fanout or self._fanout
        event_id = b"%b%012d" % (self._run, self._published)
        self._outlet.publish(user, event_id=event_id, sent=sent, number=self._numbers[user])
