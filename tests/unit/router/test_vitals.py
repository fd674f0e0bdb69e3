"""Store and RabbitMQ are asked only while somebody looks, and not more often than they may be."""

from __future__ import annotations

import asyncio

import pytest

from kull_router.broker.memory import MemoryBroker
from kull_router.clock import Clock
from kull_router.errors import StoreUnavailable
from kull_router.queues.memory import MemoryStore
from kull_router.queues.port import Backlog, QueueInfo
from kull_router.vitals import BACKLOG_EVERY, SHARE, Vitals
from tests.support.until import until


class Counting(MemoryStore):
    queries = backlogs = 0
    failing = False

    async def queue(self, address: str) -> QueueInfo | None:
        self.queries += 1
        if self.failing:
            raise StoreUnavailable("the disk is gone")
        return await super().queue(address)

    async def backlog(self, limit: int = 100) -> Backlog:
        self.backlogs += 1
        return await super().backlog(limit)


class Time:
    now = 100.0


@pytest.fixture
def store() -> Counting:
    return Counting()


async def measured(vitals: Vitals) -> None:
    """Have it measured once."""
    await vitals._measure_store()
    await vitals._measure_queues()


async def broker() -> MemoryBroker:
    started = MemoryBroker()
    await started.start(2)
    return started


async def test_nobody_is_asked_as_long_as_nobody_looks(
    store: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kull_router.vitals.EVERY", 0.01)
    vitals = Vitals(store=store, broker=await broker(), clock=Clock())
    life = asyncio.create_task(vitals.run(), name="vitals")
    try:
        for _ in range(10):
            await asyncio.sleep(0)
        assert store.queries == 0

        vitals.latest()
        await until(lambda: store.queries == 1)
        await until(lambda: vitals.latest().dead == 0)
        assert vitals.latest().store_seconds is not None
    finally:
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)


async def test_the_backlog_is_looked_through_less_often(store: Counting) -> None:
    time = Time()
    vitals = Vitals(store=store, broker=await broker(), clock=Clock(monotonic=lambda: time.now))

    for _ in range(3):
        await measured(vitals)
    assert (store.queries, store.backlogs) == (3, 1)

    time.now += BACKLOG_EVERY
    await measured(vitals)
    assert store.backlogs == 2


async def test_a_slow_look_through_the_backlog_is_rare_and_no_fault_of_the_store(
    store: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    time = Time()
    vitals = Vitals(store=store, broker=await broker(), clock=Clock(monotonic=lambda: time.now))

    async def slow(_: int) -> Backlog:
        time.now += 30.0
        raise StoreUnavailable("canceling statement due to statement timeout")

    with monkeypatch.context() as patch:
        patch.setattr(store, "backlog", slow)
        await measured(vitals)
    assert vitals.latest().store_seconds is not None

    time.now += BACKLOG_EVERY
    await measured(vitals)
    assert store.backlogs == 0
    time.now += 30.0 / SHARE
    await measured(vitals)
    assert store.backlogs == 1


async def test_what_does_not_answer_is_told_and_the_last_backlog_stays(store: Counting) -> None:
    rabbit = await broker()
    vitals = Vitals(store=store, broker=rabbit, clock=Clock())
    await measured(vitals)
    store.failing = True
    rabbit.down()

    await measured(vitals)

    found = vitals.latest()
    assert (found.store_problem, found.store_seconds) == ("the disk is gone", None)
    assert (found.dead, found.unrouted) == (None, None)
    assert found.backlog and found.backlog.devices == 0
