"""How far devices are behind, as every store says it."""

from __future__ import annotations

from kull_router.queues.port import Lateness, Store
from tests.support.stores import ALICE, MAC, NOW, PHONE, TAB, ack, credit, join, put, tick

LATER = NOW + 60_000


async def test_nobody_is_behind_in_an_empty_store(store: Store) -> None:
    assert await store.lateness(NOW) == Lateness(behind=0, oldest_ms=0)


async def test_each_device_counts_that_has_something_to_acknowledge(store: Store) -> None:
    for device in (PHONE, MAC, TAB):
        await join(store, device)
    await put(store, credit("a"), credit("b", at=NOW + 1000))
    await ack(store, 2, PHONE)

    assert await store.lateness(LATER) == Lateness(behind=2, oldest_ms=60_000)


async def test_what_was_acknowledged_is_not_the_oldest(store: Store) -> None:
    await join(store)
    await put(store, credit("a"), credit("b", at=NOW + 1000), tick("t", at=NOW + 5000))
    await ack(store, 1)
    assert await store.lateness(LATER) == Lateness(behind=1, oldest_ms=59_000)

    await ack(store, 2)
    assert await store.lateness(LATER) == Lateness(behind=1, oldest_ms=55_000)

    await ack(store, 3)
    assert await store.lateness(LATER) == Lateness(behind=0, oldest_ms=0)


async def test_what_a_device_only_gets_as_state_does_not_make_it_late(store: Store) -> None:
    await put(store, credit("a"), tick("t"))
    await join(store)  # a device never seen before: its cursor begins at the head

    assert (await store.lateness(LATER)).behind == 0


async def test_queues_that_are_shared_do_not_count(store: Store) -> None:
    await join(store)
    await join(store, address="all")
    await put(store, credit("a", address="all"))

    assert (await store.lateness(LATER)).behind == 0
    assert await store.queue(ALICE) is None
