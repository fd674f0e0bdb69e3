"""How store and RabbitMQ answer, and what lies there: measured while somebody asks for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Final, NoReturn

from kull_producers.events import topology
from kull_router.broker.port import Broker
from kull_router.clock import Clock
from kull_router.errors import BrokerError, StoreError
from kull_router.queues.port import Backlog, Store

EVERY: Final = 5.0  # seconds between two looks, at least
BACKLOG_EVERY: Final = 15.0
SHARE: Final = 0.01  # of the time, that the backlog's queries may take
PATIENCE: Final = 5.0  # seconds for each answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was found last; None: not known.

    Attributes:
        store_seconds: how long a small query took.
        store_problem: why there was no answer; empty: there was one.
        dead, unrouted: how many messages lie there.
    """

    store_seconds: float | None = None
    store_problem: str = ""
    dead: int | None = None
    unrouted: int | None = None
    backlog: Backlog | None = None


class Vitals:
    """Ask it as often as you like."""

    def __init__(self, *, store: Store, broker: Broker, clock: Clock) -> None:
        self._store = store
        self._broker = broker
        self._clock = clock
        self._asked = asyncio.Event()
        self._measured = Measured()
        self._backlog_at = 0.0

    def latest(self) -> Measured:
        """Return what is known, and have it measured anew soon."""
        self._asked.set()
        return self._measured

    async def run(self) -> NoReturn:
        """Measure for ever, as long as somebody asks."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self._measure_store()
            await self._measure_queues()
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
            if began >= self._backlog_at:
                await self._measure_backlog()

    async def _measure_backlog(self) -> None:
        """Count who is behind: without a time-out, as the query would go on beside the next one."""
        began = self._clock.monotonic()
        try:
            self._measured = replace(self._measured, backlog=await self._store.backlog(0))
        except StoreError as error:
            self._measured = replace(self._measured, store_problem=str(error))
        finally:
            ended = self._clock.monotonic()
            self._backlog_at = began + max(BACKLOG_EVERY, (ended - began) / SHARE)

    async def _measure_queues(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                dead = await self._broker.depth(topology.DEAD)
                unrouted = await self._broker.depth(topology.UNROUTED)
        except (TimeoutError, BrokerError):
            self._measured = replace(self._measured, dead=None, unrouted=None)
        else:
            self._measured = replace(self._measured, dead=dead, unrouted=unrouted)
