"""Queues are read in order and in pages, without gap or overlap."""

from __future__ import annotations

from kull_router.queues.port import (
    Page,
    Store,
)
from tests.support.stores import (
    ALICE,
    credit,
    page,
    put,
    tick,
)


class TestRead:
    async def test_a_queue_that_does_not_exist_is_empty(self, store: Store) -> None:
        assert Page(entries=[], through=0, head=0) == await page(store)

    async def test_pages_of_a_limit_join_without_gap_or_overlap(self, store: Store) -> None:
        await put(store, *(credit(str(n)) for n in range(7)))
        got: list[int] = []
        through = 0
        while through < 7:
            part = await store.read(ALICE, after=through, limit=3, max_bytes=10**6)
            got += [entry.seq for entry in part.entries]
            assert part.through == (got[-1] if got[-1] < 7 else part.head)
            through = part.through
        assert list(range(1, 8)) == got

    async def test_an_exactly_full_page_is_complete_up_to_the_head(self, store: Store) -> None:
        await put(store, credit("a"), credit("b"), tick("c"), tick("d"), tick("e", final=True))
        part = await store.read(ALICE, after=0, limit=2, max_bytes=10**6, initial_head=0)
        assert ([entry.seq for entry in part.entries], part.through) == ([1, 2], 2)
        part = await store.read(ALICE, after=0, limit=3, max_bytes=10**6)
        assert ([entry.seq for entry in part.entries], part.through) == ([1, 2, 5], 5)
        part = await store.read(ALICE, after=0, limit=1, max_bytes=10**6, initial_head=5)
        assert (list(part.entries), part.through) == ([], 5)

    async def test_through_covers_skipped_history(self, store: Store) -> None:
        await put(store, credit("a"), credit("b"))
        got = await page(store, initial_head=2)
        assert (list(got.entries), got.through) == ([], 2)

    async def test_a_page_ends_before_its_bodies_exceed_max_bytes(self, store: Store) -> None:
        await put(store, *(credit(str(n), body=b'{"' + bytes(98)) for n in range(5)))
        part = await store.read(ALICE, after=0, limit=100, max_bytes=399)
        assert ([entry.seq for entry in part.entries], part.through) == ([1, 2, 3], 3)
        part = await store.read(ALICE, after=0, limit=100, max_bytes=400)
        assert len(part.entries) == 4

    async def test_an_oversized_entry_comes_alone(self, store: Store) -> None:
        await put(store, credit("a", body=b'{"' + bytes(5_000)), credit("b"))
        part = await store.read(ALICE, after=0, limit=100, max_bytes=100)
        assert ([entry.seq for entry in part.entries], part.through) == ([1], 1)

    async def test_both_contracts_come_in_one_order(self, store: Store) -> None:
        events = [tick(str(n), f"k{-n}") if n % 3 else credit(str(n)) for n in range(50)]
        await put(store, *events)
        assert [str(n) for n in range(10, 50)] == [
            entry.event.id for entry in (await page(store, after=10)).entries
        ]

    async def test_a_position_beyond_the_head_is_lost(self, store: Store) -> None:
        await put(store, credit("a"))
        assert [(await page(store, after)).lost for after in (1, 2)] == [False, True]


class TestQueues:
    async def test_they_come_in_pages_in_address_order(self, store: Store) -> None:
        addresses = ["all", "room:é", "room:z", "user:A", "user:a", "user:😀", "user:\uffff"]
        await put(store, *(credit("1", address=address) for address in addresses))
        first = await store.queues(limit=3)
        rest = await store.queues(after=first[-1].address)
        assert sorted(addresses) == [info.address for info in (*first, *rest)]

    async def test_an_unknown_queue_is_none(self, store: Store) -> None:
        assert await store.queue("user:nobody") is None
