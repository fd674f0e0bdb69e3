"""What is left of an event is found by its id: where it was stored, and whether it still lies."""

from __future__ import annotations

from kull_router.queues.port import MAX_TRACES, Retention, Store, Trace
from tests.support.stores import (
    ALICE,
    DAY,
    NOW,
    PHONE,
    SHARD,
    Disk,
    ack,
    credit,
    join,
    opened,
    put,
    tick,
)

BOB = "user:bob"


def places(traces: list[Trace]) -> list[tuple[str, int, bool]]:
    return [(each.address, each.seq, each.entry is not None) for each in traces]


class TestFind:
    async def test_an_event_is_found_where_it_lies(self, store: Store) -> None:
        await put(store, credit("1"), credit("2", service="billing"), now=NOW + 5)

        (found,) = await store.find("2")

        assert found.entry is not None
        assert found.entry.event == credit("2", service="billing")
        assert (found.address, found.seq, found.stored_ms) == (ALICE, 2, NOW + 5)
        assert (found.type, found.service) == ("CREDIT_UPDATE", "billing")

    async def test_an_id_that_was_never_stored_is_not_found(self, store: Store) -> None:
        await put(store, credit("1"))

        assert await store.find("2") == []
        assert await store.find("2", ALICE) == []
        assert await store.find("1", BOB) == []

    async def test_one_id_is_found_at_all_its_addresses_types_and_services(
        self, store: Store
    ) -> None:
        await put(
            store,
            credit("1", address=BOB),
            credit("1", service="b"),
            credit("1", service="a"),
            tick("1"),
        )

        found = await store.find("1")

        assert [(each.address, each.type, each.service) for each in found] == [
            (ALICE, "CREDIT_UPDATE", "a"),
            (ALICE, "CREDIT_UPDATE", "b"),
            (ALICE, "SHOOT_PROGRESS", ""),
            (BOB, "CREDIT_UPDATE", ""),
        ]
        assert places(await store.find("1", BOB)) == [(BOB, 1, True)]

    async def test_an_entry_that_was_replaced_leaves_its_place(self, store: Store) -> None:
        await put(store, tick("1"), tick("2", version=1))
        await put(store, tick("3", version=2))

        assert places(await store.find("1")) == [(ALICE, 1, False)]
        assert places(await store.find("2")) == [(ALICE, 2, False)]
        assert places(await store.find("3")) == [(ALICE, 3, True)]

    async def test_a_repeat_leaves_the_place_of_the_first(self, store: Store) -> None:
        await put(store, credit("1"), credit("1"))
        await put(store, credit("2"), credit("1"))

        assert places(await store.find("1")) == [(ALICE, 1, True)]

    async def test_at_most_so_many_are_told(self, store: Store) -> None:
        await put(store, *(credit("1", service=f"{n:03}") for n in range(MAX_TRACES + 1)))

        assert len(await store.find("1")) == MAX_TRACES


async def test_what_retention_has_trimmed_leaves_its_place(disk: Disk) -> None:
    async with opened(disk, Retention(every_entries=1)) as store:
        await store.claim(SHARD, "router-1")
        await put(store, credit("1"), credit("2"))

        assert places(await store.find("1")) == [(ALICE, 1, False)]


async def test_an_event_whose_id_is_forgotten_is_found_in_its_queue_only(disk: Disk) -> None:
    async with opened(disk, Retention(dedupe_age=DAY / 1000, entry_age=9 * DAY / 1000)) as store:
        await store.claim(SHARD, "router-1")
        await put(store, credit("1"))
        await store.trim(NOW + 2 * DAY)

        assert await store.find("1") == []
        assert places(await store.find("1", ALICE)) == [(ALICE, 1, True)]


async def test_devices_are_told_with_their_cursor_in_the_queue_that_is_asked_for(
    store: Store,
) -> None:
    await put(store, credit("1"), credit("2"), credit("1", address="all"))
    await join(store)
    await join(store, address="all", position=0)
    await ack(store, 2)
    await ack(store, 1, address="all")

    (own,) = await store.devices(PHONE.user)
    (shared,) = await store.devices(PHONE.user, "all")
    (none,) = await store.devices(PHONE.user, "room:r")

    assert (own.cursor, own.initial_head) == (2, 2)
    assert (shared.cursor, shared.initial_head) == (1, 0)
    assert (none.cursor, none.initial_head) == (0, 0)
    assert own.info == shared.info == none.info == PHONE
