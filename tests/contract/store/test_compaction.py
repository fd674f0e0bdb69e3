"""Of a key only the newest is kept, and of a queue what its budgets allow."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kull_router.queues.port import (
    QueueInfo,
    Retention,
    Stale,
    Store,
    Stored,
)
from tests.support.stores import (
    ALICE,
    DAY,
    NOW,
    SHARD,
    Disk,
    credit,
    join,
    opened,
    page,
    put,
    seqs,
    tick,
)


class TestCompaction:
    async def test_a_newer_tick_replaces_the_kept_one(self, store: Store) -> None:
        assert [Stored(1)] == await put(store, tick("a", version=1))
        await put(store, credit("b"))
        assert [Stored(3, replaced=1)] == await put(store, tick("c", version=2))
        assert await seqs(store) == [2, 3]

    async def test_ticks_of_one_batch_replace_each_other(self, store: Store) -> None:
        await put(store, tick("a"))
        assert [Stored(2, 1), Stored(3, 2), Stored(4)] == await put(
            store, tick("b"), tick("c"), tick("d", "shoot:2")
        )
        assert await seqs(store) == [3, 4]
        assert QueueInfo(address=ALICE, head=4, floor=0, entries=2) == await store.queue(ALICE)

    async def test_compaction_leaves_a_reader_recovered(self, store: Store) -> None:
        await put(store, credit("a"), tick("b"), tick("c"), tick("d"))
        assert not (await page(store, after=1)).lost
        assert await join(store, position=1) == (1, 0, True)

    async def test_an_equal_version_replaces_and_a_lower_one_is_stale(self, store: Store) -> None:
        await put(store, tick("a", version=5))
        assert [Stored(2, 1)] == await put(store, tick("b", version=5))
        assert [Stale(), Stale()] == await put(store, tick("c", version=4), tick("c", version=4))
        assert await seqs(store) == [2]

    async def test_a_finished_shoot_is_not_overwritten_by_an_older_tick(self, store: Store) -> None:
        assert [Stored(1), Stale()] == await put(
            store, tick("done", version=9, final=True), tick("late", version=8)
        )
        assert [entry.event.id for entry in (await page(store)).entries] == ["done"]

    async def test_between_runs_of_publishers_what_comes_later_is_newer(self, store: Store) -> None:
        await put(store, tick("ahead", version=2**62, run="a"))
        assert [Stored(2, 1)] == await put(store, tick("b", version=1, run="b"))
        assert [Stored(3, 2)] == await put(store, tick("c", version=2**62 + 1, run="a"))
        assert [Stored(4, 3)] == await put(store, tick("done", version=2, run="b", final=True))

    async def test_a_run_is_held_to_its_own_order_whoever_has_spoken_since(
        self, disk: Disk, store: Store
    ) -> None:
        await put(store, tick("a5", version=5, run="a"), tick("b3", version=3, run="b"))
        await store.aclose()
        async with opened(disk) as again:
            late = [tick("a4", version=4, run="a"), tick("a5 again", version=5, run="a")]
            assert [Stale(), Stale()] == await put(again, *late)
            assert [Stored(3, 2)] == await put(again, tick("a6", version=6, run="a"))
            assert [Stale()] == await put(again, tick("b2", version=2, run="b"))

    async def test_an_event_that_names_no_run_is_newer_than_what_came_before(
        self, store: Store
    ) -> None:
        await put(store, tick("a", version=9, run="a"))
        assert [Stored(2, 1), Stored(3, 2)] == await put(
            store, tick("old", version=2**62, run=""), tick("older", version=1, run="")
        )
        assert [Stale()] == await put(store, tick("b", version=8, run="a"))

    async def test_a_count_that_goes_back_is_stale_until_it_begins_anew(
        self, disk: Disk, store: Store
    ) -> None:
        await put(store, tick("a7", version=1, run="a", progress=7))
        await store.aclose()
        async with opened(disk) as again:
            assert [Stale(), Stale(), Stored(2, 1)] == await put(
                again,
                tick("b3", version=1, run="b", progress=3),
                tick("a6", version=2, run="a", progress=6),
                tick("b7", version=2, run="b", progress=7),
            )
            assert [Stored(3, 2), Stored(4, 3)] == await put(
                again,
                tick("queued", version=1, run="c", progress=0),
                tick("b1", version=3, run="b", progress=1),
            )

    async def test_what_has_ended_is_not_undone_by_who_comes_late(
        self, disk: Disk, store: Store
    ) -> None:
        await put(
            store,
            tick("a3", version=1, run="a", progress=3),
            tick("done", version=9, run="b", progress=10, final=True),
        )
        await store.aclose()
        async with opened(disk) as again:
            assert [Stale(), Stale(), Stale()] == await put(
                again,
                tick("a4", version=2, run="a", progress=4),
                tick("a10", version=3, run="a", progress=10),
                tick("waited", version=1, run="c", progress=1, late=True),
            )
            assert [Stored(3, 2)] == await put(again, tick("d1", version=1, run="d", progress=1))

    async def test_what_is_known_of_a_key_outlives_its_entry(self, disk: Disk) -> None:
        async with opened(disk, Retention(latest_entries=1)) as store:
            await store.claim(SHARD, "r")
            done = tick("done", "k1", 5, run="a", progress=9, final=True)
            await put(store, tick("b", "k1", 1, run="b", progress=1), done, tick("c", "k2"))
            assert await seqs(store) == [3]
        async with opened(disk, Retention(latest_entries=1)) as store:
            assert [Stale(), Stale(), Stored(4)] == await put(
                store,
                tick("a4", "k1", 4, run="a", progress=9, final=True),
                tick("b2", "k1", 2, run="b", progress=2),
                tick("a6", "k1", 6, run="a", progress=1),
            )

    async def test_keys_of_different_queues_are_different(self, store: Store) -> None:
        await put(store, tick("a", version=5))
        assert [Stored(1)] == await put(store, tick("b", version=1, address="user:bob"))

    async def test_a_version_outlives_its_entry(self, disk: Disk) -> None:
        async with opened(disk, Retention(latest_entries=1)) as store:
            await store.claim(SHARD, "r")
            await put(store, tick("a", "k1", 5), tick("b", "k2"))
            assert await seqs(store) == [2]
            assert [Stale(), Stored(3)] == await put(store, tick("c", "k1", 4), tick("d", "k1", 6))

    async def test_a_version_is_forgotten_when_no_repeat_can_come(self, store: Store) -> None:
        await put(store, tick("a", version=5))
        await store.trim(NOW + 8 * DAY)
        assert [Stale()] == await put(store, tick("b", version=4))
        await store.trim(NOW + 8 * DAY + 1)
        assert [Stored(2)] == await put(store, tick("b", version=4))


class TestBudgets:
    @pytest.fixture
    async def small(self, disk: Disk) -> AsyncIterator[Store]:
        async with opened(disk, Retention(every_entries=3, latest_entries=2)) as store:
            await store.claim(SHARD, "r")
            yield store

    async def test_the_oldest_go_and_the_floor_follows(self, small: Store) -> None:
        await put(small, *(credit(str(n)) for n in range(4)))
        assert await seqs(small) == [2, 3, 4]
        await put(small, credit("x"), credit("y"))
        assert QueueInfo(address=ALICE, head=6, floor=3, entries=3) == await small.queue(ALICE)

    async def test_ticks_do_not_evict_credits(self, small: Store) -> None:
        await put(small, credit("a"), *(tick(str(n), f"shoot:{n}") for n in range(10)))
        assert await seqs(small) == [1, 10, 11]
        assert QueueInfo(address=ALICE, head=11, floor=9, entries=3) == await small.queue(ALICE)

    async def test_one_batch_beyond_the_budget_keeps_its_newest(self, small: Store) -> None:
        await put(small, *(credit(str(n)) for n in range(50)))
        assert await seqs(small) == [48, 49, 50]

    async def test_a_replaced_tick_uses_no_budget(self, small: Store) -> None:
        await put(small, tick("a", "k1"), tick("b", "k2"))
        await put(small, tick("c", "k1"), tick("d", "k2"))
        assert QueueInfo(address=ALICE, head=4, floor=0, entries=2) == await small.queue(ALICE)

    async def test_an_evicted_key_comes_back_as_a_new_entry(self, small: Store) -> None:
        await put(small, tick("a", "k1"), tick("b", "k2"), tick("c", "k3"))
        assert [Stored(4)] == await put(small, tick("d", "k1"))
        assert await seqs(small) == [3, 4]

    async def test_a_reader_below_the_floor_is_told(self, small: Store) -> None:
        await put(small, *(credit(str(n)) for n in range(5)))
        assert [(await page(small, after)).lost for after in (1, 2)] == [True, False]
