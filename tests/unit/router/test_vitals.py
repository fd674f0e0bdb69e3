"""Store and RabbitMQ are asked only while somebody looks, and not more often than they may be."""

from __future__ import annotations

import asyncio

import pytest

from kull_protos.contract.shard import shard_of
from kull_router.broker.memory import MemoryBroker
from kull_router.clock import Clock
from kull_router.errors import StoreUnavailable
from kull_router.queues.memory import MemoryStore
from kull_router.queues.port import FIRST, Attach, Backlog, DeviceInfo, QueueInfo
from kull_router.vitals import BACKLOG_EVERY, PATIENCE, SHARE, Vitals
from tests.support.stores import NOW, credit
from tests.support.until import until


class Counting(MemoryStore):
    queries = backlogs = 0
    failing = False

    async def queue(self, address: str) -> QueueInfo | None:
        self.queries += 1
        if self.failing:
            raise StoreUnavailable("the disk is gone")
        return await super().queue(address)

    async def backlog(
        self, after: tuple[str, str] = FIRST, *, devices: int = 5_000, worst: int = 100
    ) -> Backlog:
        self.backlogs += 1
        return await super().backlog(after, devices=devices, worst=worst)


class Time:
    now = 100.0


@pytest.fixture
def store() -> Counting:
    return Counting()


async def measured(vitals: Vitals) -> None:
    """Have it measured once."""
    await vitals._measure_store()
    await vitals._measure_queues()
    await vitals._measure_backlog()


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

    async def slow(*_: object, **__: object) -> Backlog:
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


async def users(store: MemoryStore, *names: str) -> None:
    """Let each of them have a device that is an entry behind."""
    for shard in range(16):
        await store.claim(shard, "r")
    for name in names:
        shard, address = shard_of(f"user:{name}", 16), f"user:{name}"
        device = DeviceInfo(user=name, device="mac")
        wanted = Attach(shard=shard, term=1, address=address, device=device, position=None)
        await store.attach([wanted], NOW)
        await store.append(shard, 1, [credit("c", address=address)], NOW)


async def test_the_backlog_is_looked_through_in_parts_of_few_devices(
    store: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kull_router.vitals.DEVICES", 2)
    monkeypatch.setattr("kull_router.vitals.WORST", 3)
    await users(store, "anna", "ben", "cleo", "dan", "eve")
    vitals = Vitals(store=store, broker=await broker(), clock=Clock())

    found = await vitals.backlog()

    assert store.backlogs == 3
    assert (found.devices, found.positions, found.since_ms, found.after) == (5, 5, NOW, None)
    assert len(found.worst) == 3


async def test_who_looks_while_somebody_looks_or_soon_after_costs_no_other_look(
    store: Counting,
) -> None:
    time = Time()
    vitals = Vitals(store=store, broker=await broker(), clock=Clock(monotonic=lambda: time.now))

    await asyncio.gather(*(vitals.backlog() for _ in range(10)))
    await measured(vitals)
    assert store.backlogs == 1
    assert vitals.latest().backlog is await vitals.backlog()

    time.now += BACKLOG_EVERY
    await vitals.backlog()
    assert store.backlogs == 2


async def test_a_look_that_takes_too_long_ends_and_says_that_there_may_be_more(
    store: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kull_router.vitals.DEVICES", 1)
    time = Time()

    class Slow(Counting):
        async def backlog(
            self, after: tuple[str, str] = FIRST, *, devices: int = 5_000, worst: int = 100
        ) -> Backlog:
            time.now += PATIENCE / 2
            return await super().backlog(after, devices=devices, worst=worst)

    slow = Slow()
    await users(slow, "anna", "ben", "cleo", "dan")
    vitals = Vitals(store=slow, broker=await broker(), clock=Clock(monotonic=lambda: time.now))

    found = await vitals.backlog()

    assert slow.backlogs == 2
    assert (found.devices, found.after) == (2, ("ben", "mac"))
