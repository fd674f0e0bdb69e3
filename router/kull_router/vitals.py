"""How store and RabbitMQ answer, and what lies there: measured while somebody asks for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Final, NoReturn

from kull_producers.events import topology
from kull_router.broker.port import Broker
from kull_router.clock import Clock
from kull_router.errors import BrokerError, StoreError
from kull_router.queues.port import FIRST, Backlog, Store

EVERY: Final = 5.0  # seconds between two looks, at least
BACKLOG_EVERY: Final = 15.0
SHARE: Final = 0.01  # of the time, that the backlog's queries may take
PATIENCE: Final = 5.0  # seconds for each answer, and for all queries of the backlog
DEVICES: Final = 5_000  # that one query of the backlog looks at
WORST: Final = 100  # devices that are named


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was found last; None: not known.

    Attributes:
        store_seconds: how long a small query took.
        store_problem: why there was no answer; empty: there was one.
        dead, unrouted: how many messages lie there.
        backlog: of the whole store; at least that, if its `after` is not None.
    """

    store_seconds: float | None = None
    store_problem: str = ""
    dead: int | None = None
    unrouted: int | None = None
    backlog: Backlog | None = None


class Vitals:
    """Ask it as often as you like: whoever looks at a router sees what is measured once."""

    def __init__(self, *, store: Store, broker: Broker, clock: Clock) -> None:
        self._store = store
        self._broker = broker
        self._clock = clock
        self._asked = asyncio.Event()
        self._measured = Measured()
        self._looking = asyncio.Lock()
        self._backlog_at = 0.0

    def latest(self) -> Measured:
        """Return what is known, and have it measured anew soon."""
        self._asked.set()
        return self._measured

    async def backlog(self) -> Backlog:
        """Return who is behind, as it was known lately; looked up if it was not. StoreError."""
        async with self._looking:
            found = self._measured.backlog
            if found is None or self._clock.monotonic() >= self._backlog_at:
                found = await self._look_through()
            return found

    async def run(self) -> NoReturn:
        """Measure for ever, as long as somebody asks."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self._measure_store()
            await self._measure_queues()
            await self._measure_backlog()
            await asyncio.sleep(EVERY)

    async def _measure_store(self) -> None:
        began = self._clock.monotonic()
        try:
            async with asyncio.timeout(PATIENCE):
                await self._store.queue("all")
                took = self._clock.monotonic() - began
        except TimeoutError:
            problem = f"no answer within {PATIENCE:.0f} s"
            self._measured = replace(self._measured, store_seconds=None, store_problem=problem)
        except StoreError as error:
            self._measured = replace(self._measured, store_seconds=None, store_problem=str(error))
        else:
            self._measured = replace(self._measured, store_seconds=took, store_problem="")

    async def _measure_backlog(self) -> None:
        if self._measured.store_problem or self._clock.monotonic() < self._backlog_at:
            return
        try:
            await self.backlog()
        except StoreError as error:
            self._measured = replace(self._measured, store_problem=str(error))

    async def _look_through(self) -> Backlog:
        """Ask for one part of the devices after the other, until time is up.

        Each query is waited for: it would go on beside the next one.
        """
        began = self._clock.monotonic()
        found = Backlog(after=FIRST)
        try:
            while found.after is not None and self._clock.monotonic() - began < PATIENCE:
                more = await self._store.backlog(found.after, devices=DEVICES, worst=WORST)
                found = found.joined(more, WORST)
        finally:
            ended = self._clock.monotonic()
            self._backlog_at = began + max(BACKLOG_EVERY, (ended - began) / SHARE)
        self._measured = replace(self._measured, backlog=found)
        return found

    async def _measure_queues(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                dead = await self._broker.depth(topology.DEAD)
                unrouted = await self._broker.depth(topology.UNROUTED)
        except (TimeoutError, BrokerError):
            self._measured = replace(self._measured, dead=None, unrouted=None)
        else:
            self._measured = replace(self._measured, dead=dead, unrouted=unrouted)
