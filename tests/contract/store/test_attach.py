"""Where a device continues in a queue."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from kull_router.queues.port import (
    Retention,
    Store,
)
from tests.support.stores import (
    ALICE,
    MAC,
    NOW,
    SHARD,
    TWENTY,
    Disk,
    ack,
    attach,
    credit,
    join,
    opened,
    page,
    put,
    seqs,
    tick,
)


class TestAttach:
    async def test_a_device_never_seen_before_gets_running_state_only(self, store: Store) -> None:
        await put(store, credit("a"), tick("b", "k1"), tick("c", "k2", final=True), tick("d", "k3"))
        attached = await attach(store)
        assert (
            attached.head,
            attached.after,
            attached.initial_head,
            attached.recovered,
        ) == (4, 0, 4, True)
        await put(store, credit("e"), tick("f", "k1", final=True))
        assert await seqs(store, after=0, initial_head=4) == [4, 5, 6]

    async def test_a_device_that_says_nothing_is_a_first_contact_until_it_acknowledges(
        self, store: Store
    ) -> None:
        await put(store, credit("a"), credit("b"))

        async def first(position: int | None = None) -> bool:
            return (await attach(store, position=position)).first

        assert [await first(), await first(), await first(0), await first(1)] == [
            True,
            True,  # the answer may never have reached it
            False,
            False,
        ]
        await ack(store, 2)
        assert not await first()
        await store.forget("alice", "phone")
        assert await first()

    async def test_a_device_that_never_acknowledged_starts_where_it_first_did(
        self, store: Store
    ) -> None:
        await put(store, tick("a"), credit("b"))
        assert await join(store) == (0, 2, True)
        await put(store, credit("c"))
        assert await join(store) == (0, 2, True)

    async def test_a_known_device_continues_from_its_cursor(self, store: Store) -> None:
        await put(store, credit("a"))
        await join(store)
        await put(store, credit("b"), credit("c"))
        await ack(store, 2)
        after, initial_head, recovered = await join(store)
        assert (after, recovered) == (2, True)
        assert await seqs(store, after, initial_head) == [3]

    async def test_a_position_counts_more_than_the_cursor_which_never_goes_back(
        self, store: Store
    ) -> None:
        await put(store, *(credit(str(n)) for n in range(5)))
        await join(store, position=0)
        await ack(store, 4)
        assert await join(store, position=2) == (2, 0, True)
        assert await join(store, position=5) == (5, 0, True)
        assert await join(store, position=1) == (1, 0, True)
        assert await join(store) == (5, 0, True)

    async def test_the_initial_state_goes_on_from_a_position_within_it(self, store: Store) -> None:
        await put(store, tick("a", "k1"), credit("b"), tick("c", "k2"))
        await join(store)
        after, initial_head, recovered = await join(store, position=1)
        assert (after, initial_head, recovered) == (1, 3, True)
        assert await seqs(store, after, initial_head) == [3]

    async def test_a_position_counts_as_the_cursor_of_a_new_device(self, store: Store) -> None:
        await put(store, credit("a"), credit("b"))
        assert await join(store, position=1) == (1, 0, True)
        assert await join(store) == (1, 0, True)

    async def test_a_position_beyond_the_head_is_not_recovered(self, store: Store) -> None:
        await put(store, credit("a"))
        assert await join(store, position=2) == (0, 1, False)

    async def test_a_position_below_the_floor_is_not_recovered(self, disk: Disk) -> None:
        async with opened(disk, Retention(every_entries=2)) as store:
            await store.claim(SHARD, "r")
            await put(store, *(credit(str(n)) for n in range(5)))
            assert await join(store, position=2) == (0, 5, False)
            assert await join(store, MAC, position=3) == (3, 0, True)

    async def test_a_lost_cursor_is_told_again_until_the_device_acknowledges(
        self, disk: Disk
    ) -> None:
        async with opened(disk, Retention(every_entries=2)) as store:
            await store.claim(SHARD, "r")
            await put(store, credit("a"))
            await join(store)
            await ack(store, 1)
            await put(store, *(credit(str(n)) for n in range(5)))
            assert [await join(store), await join(store)] == [(0, 6, False)] * 2
            await put(store, credit("x"))
            await ack(store, 7)
            assert await join(store) == (7, 0, True)

    async def test_the_floor_passing_an_unacknowledged_start_is_told(self, disk: Disk) -> None:
        async with opened(disk, Retention(every_entries=2)) as store:
            await store.claim(SHARD, "r")
            await put(store, credit("a"), credit("b"), credit("c"))
            assert await join(store) == (0, 3, True)
            await put(store, credit("d"), credit("e"))
            assert await join(store) == (0, 3, True), "the floor is 3, which it never needed"
            assert not (await page(store, 0, 3)).lost
            await put(store, credit("f"))
            assert (await page(store, 0, 3)).lost
            assert await join(store) == (0, 6, False)

    async def test_an_empty_queue_can_be_followed(self, store: Store) -> None:
        assert await join(store) == (0, 0, True)
        assert await store.queue(ALICE) is None
        assert await store.queues() == []
        await put(store, credit("a"))
        assert await join(store) == (0, 0, True)
        assert await seqs(store) == [1]

    async def test_a_crowd_that_attaches_at_once_stands_where_it_would_one_by_one(
        self, store: Store
    ) -> None:
        await put(store, *(credit(f"{n}") for n in range(5)), credit("x", address="all"))
        await join(store, TWENTY[0])
        crowd = [(device, None if n % 2 else n % 4) for n, device in enumerate(TWENTY)]

        places = await asyncio.gather(
            *(join(store, device, position) for device, position in crowd),
            *(join(store, device, address="all") for device in TWENTY),
            join(store, replace(TWENTY[3], name="renamed"), 4, now=NOW + 1),
            join(store, TWENTY[3], now=NOW - 1),
        )

        expected = [(0, 0, True), (0, 5, True), (2, 0, True), (0, 5, True)] * 5
        assert places[1:20] == expected[1:]
        assert places[0] == (0, 5, True), "its first contact counts"
        assert places[20:40] == [(0, 1, True)] * 20
        assert places[40:] == [(4, 5, True), (4, 5, True)]
        known = {each.info.device: each for each in await store.devices("alice")}
        assert len(known) == 20
        assert known[TWENTY[3].device].last_seen_ms == NOW + 1

    async def test_cursors_of_queues_are_separate(self, store: Store) -> None:
        await put(store, credit("a"), credit("b", address="all"), credit("c", address="all"))
        await join(store)
        assert await join(store, address="all") == (0, 2, True)
        await ack(store, 2, address="all")
        assert await join(store) == (0, 1, True)
        assert (await join(store, address="all"))[::2] == (2, True)
