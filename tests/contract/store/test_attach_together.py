"""Several queues in one call, and what is stored already is not written again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kull_router.errors import Fenced
from kull_router.queues.port import Attach, Retention, Store
from tests.support.stores import ALICE, NOW, PHONE, SHARD, ack, credit, join, put

SOON = NOW + Retention().seen_again_ms - 1
LATER = NOW + Retention().seen_again_ms


def wanted(*addresses: str, term: int = 1) -> list[Attach]:
    return [
        Attach(shard=SHARD, term=term, address=address, device=PHONE, position=None)
        for address in addresses
    ]


async def last_seen(store: Store) -> list[int]:
    return [each.last_seen_ms for each in await store.devices("alice")]


async def test_a_device_attaches_to_several_queues_in_one_call(store: Store) -> None:
    await put(store, credit("a"), credit("b"))

    own, everybody = await store.attach(wanted(ALICE, "all"), NOW)

    assert (own.head, everybody.head) == (2, 0)
    await ack(store, 2)
    assert await join(store, now=LATER) == (2, 0, True)


async def test_of_several_queues_all_or_none_are_attached(store: Store) -> None:
    calls = [*wanted(ALICE), *wanted("all", term=7)]

    with pytest.raises(Fenced):
        await store.attach(calls, NOW)

    assert await store.devices("alice") == []


async def test_a_device_that_is_back_soon_is_not_noted_again(store: Store) -> None:
    await put(store, credit("a"))
    first = await store.attach(wanted(ALICE, "all"), NOW)

    assert await store.attach(wanted(ALICE, "all"), SOON) == first

    assert await last_seen(store) == [NOW]


async def test_a_device_that_is_back_later_is_noted_again(store: Store) -> None:
    await join(store)
    await join(store, now=LATER)

    assert await last_seen(store) == [LATER]


async def test_a_device_that_describes_itself_in_another_way_is_noted(store: Store) -> None:
    await join(store)
    await join(store, replace(PHONE, name="Another"), now=SOON)

    (device,) = await store.devices("alice")
    assert (device.info.name, device.last_seen_ms) == ("Another", SOON)


async def test_a_device_that_says_that_it_is_further_is_noted(store: Store) -> None:
    await put(store, credit("a"), credit("b"))
    await join(store)
    await join(store, position=2, now=SOON)

    (device,) = await store.devices("alice")
    assert device.cursor == 2
    assert await join(store, now=SOON) == (2, 0, True)


async def test_another_queue_of_a_device_that_is_back_soon_is_noted(store: Store) -> None:
    await put(store, credit("a"))
    await join(store)
    await join(store, address="all", now=SOON)
    await put(store, credit("b", address="all"))

    assert await join(store, address="all", now=SOON) == (0, 0, True)


async def test_an_owner_of_before_is_told_so_though_nothing_is_to_be_written(store: Store) -> None:
    await join(store)
    await store.claim(SHARD, "another")

    with pytest.raises(Fenced):
        await join(store, now=SOON)
