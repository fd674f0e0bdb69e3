"""Since when devices are behind, as every store says it."""

from __future__ import annotations

from kull_router.queues.port import Store
from tests.support.stores import ALICE, MAC, NOW, PHONE, TAB, ack, credit, join, put, tick


async def since(store: Store) -> tuple[int, int | None]:
    """Return how many devices are behind, and since when."""
    found = await store.backlog()
    moments = [each.since_ms for each in found.worst if each.since_ms is not None]
    assert found.since_ms == min(moments, default=None)
    return found.devices, found.since_ms


async def test_nobody_is_behind_in_an_empty_store(store: Store) -> None:
    assert await since(store) == (0, None)


async def test_each_device_counts_that_has_something_to_acknowledge(store: Store) -> None:
    for device in (PHONE, MAC, TAB):
        await join(store, device)
    await put(store, credit("a"), credit("b", at=NOW + 1000))
    await ack(store, 2, PHONE)

    assert await since(store) == (2, NOW)


async def test_what_was_acknowledged_is_not_the_oldest(store: Store) -> None:
    await join(store)
    await put(store, credit("a"), credit("b", at=NOW + 1000), tick("t", at=NOW + 5000))
    await ack(store, 1)
    assert await since(store) == (1, NOW + 1000)

    await ack(store, 2)
    assert await since(store) == (1, NOW + 5000)

    await ack(store, 3)
    assert await since(store) == (0, None)


async def test_what_a_device_only_gets_as_state_does_not_make_it_late(store: Store) -> None:
    await put(store, credit("a"), tick("t"))
    await join(store)  # a device never seen before: its cursor begins at the head

    assert await since(store) == (0, None)


async def test_queues_that_are_shared_do_not_count(store: Store) -> None:
    await join(store)
    await join(store, address="all")
    await put(store, credit("a", address="all"))

    assert await since(store) == (0, None)
    assert await store.queue(ALICE) is None
