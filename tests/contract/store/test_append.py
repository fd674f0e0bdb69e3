"""What is appended is stored once, in order, whole or not at all."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kull_router.errors import BadEvent, StoreRefused
from kull_router.queues.entry import Contract, Event
from kull_router.queues.port import (
    Duplicate,
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
    ack,
    credit,
    join,
    opened,
    page,
    put,
    seqs,
    tick,
)


class TestAppend:
    async def test_seqs_are_contiguous_per_queue(self, store: Store) -> None:
        first = await put(
            store, credit("a"), credit("b", address="all"), credit("c"), credit("d", address="all")
        )
        second = await put(store, credit("e"))
        assert [Stored(1), Stored(1), Stored(2), Stored(2)] == first
        assert [Stored(3)] == second

    async def test_what_is_read_is_what_was_appended(self, store: Store) -> None:
        events = [
            credit("a", body=b'{"zero":"\x00"}'),
            replace(tick("Grüße 🎉", "key/ü", 7, final=True), exclude_device="Ænt"),
            replace(credit("tab\tid", service="Büro 7"), key="k", version=-3, final=True),
            tick("z", "", 2**63 - 1),
        ]
        await put(store, *events)
        got = await page(store)
        assert events == [entry.event for entry in got.entries]
        assert [entry.seq for entry in got.entries] == [1, 2, 3, 4]
        assert (got.through, got.head, got.lost) == (4, 4, False)

    async def test_everything_survives_a_restart(self, disk: Disk, store: Store) -> None:
        await put(store, credit("a"), tick("b", version=2))
        await join(store)
        await ack(store, 1)
        before = await page(store), await store.devices("alice"), await store.queues()
        await store.aclose()
        async with opened(disk) as again:
            after = await page(again), await again.devices("alice"), await again.queues()
            assert before == after
            outcomes = await put(again, credit("a"), tick("c", version=1), credit("d"))
            assert [Duplicate(), Stale(), Stored(3)] == outcomes

    async def test_a_redelivered_event_is_stored_once(self, store: Store) -> None:
        await put(store, credit("a"), credit("b"))
        assert [Duplicate(), Stored(3), Duplicate()] == await put(
            store, credit("b"), credit("c"), credit("a")
        )
        assert await seqs(store) == [1, 2, 3]

    async def test_a_repeat_within_one_append_is_stored_once(self, store: Store) -> None:
        assert [Stored(1), Duplicate(), Stored(2)] == await put(
            store, credit("a"), credit("a"), credit("b")
        )

    async def test_one_id_at_two_addresses_is_two_events(self, store: Store) -> None:
        bob = credit("a", address="user:bob")
        assert [Stored(1), Stored(1)] == await put(store, credit("a"), bob)
        assert [Duplicate(), Duplicate()] == await put(store, bob, credit("a"))

    async def test_one_id_of_two_types_is_two_events(self, store: Store) -> None:
        tick_first = [tick("order-1"), credit("order-1")]
        assert [Stored(1), Stored(2)] == await put(store, *tick_first)
        assert [Duplicate(), Duplicate()] == await put(store, *tick_first)
        assert [Stored(3)] == await put(store, replace(credit("order-1"), type="REFUND"))

    async def test_one_id_of_two_services_is_two_events(self, disk: Disk, store: Store) -> None:
        both = [credit("order-1", service="billing"), credit("order-1", service="shop")]
        assert [Stored(1), Stored(2)] == await put(store, *both)
        await store.aclose()
        async with opened(disk) as again:
            assert [Duplicate(), Duplicate(), Stored(3)] == await put(
                again, *both, credit("order-1")
            )

    async def test_ids_of_all_types_and_services_are_forgotten_after_their_age(
        self, store: Store
    ) -> None:
        events = [credit("a"), tick("a"), credit("a", service="billing")]
        await put(store, *events)
        assert await store.trim(NOW + DAY + 1) == 3
        assert [Stored(4), Stored(5, replaced=2), Stored(6)] == await put(store, *events)

    async def test_a_repeat_whose_entry_was_compacted_away_does_not_come_back(
        self, store: Store
    ) -> None:
        await put(store, tick("a"), tick("b"))
        assert [Duplicate()] == await put(store, tick("a"))
        assert await seqs(store) == [2]

    async def test_a_repeat_whose_entry_was_trimmed_does_not_come_back(self, disk: Disk) -> None:
        async with opened(disk, Retention(every_entries=1)) as store:
            await store.claim(SHARD, "r")
            await put(store, credit("a"), credit("b"))
            assert [Duplicate()] == await put(store, credit("a"))

    async def test_ids_are_forgotten_after_their_age_and_not_before(self, store: Store) -> None:
        await put(store, credit("a"))
        await store.trim(NOW + DAY)
        assert [Duplicate()] == await put(store, credit("a"))
        await store.trim(NOW + DAY + 1)
        assert [Stored(2)] == await put(store, credit("a"))

    async def test_a_large_batch_over_many_queues_keeps_every_order(self, store: Store) -> None:
        events = [credit(f"{n}", address=f"user:{n % 700}") for n in range(2_000)]
        outcomes = await put(store, *events, *events[:5])
        assert [Stored(n // 700 + 1) for n in range(2_000)] + [Duplicate()] * 5 == outcomes

    async def test_concurrent_appends_lose_and_mix_up_nothing(self, store: Store) -> None:
        batches = [[credit(f"{n}-{i}") for i in range(5)] for n in range(60)]
        outcomes = await asyncio.gather(*(put(store, *batch) for batch in batches))
        stored = [one.seq for batch in outcomes for one in batch if isinstance(one, Stored)]
        assert list(range(1, 301)) == stored, "batches keep the order of the calls"
        assert list(range(1, 301)) == await seqs(store)


class TestBadEvents:
    @pytest.mark.parametrize(
        ("bad", "why"),
        [
            (
                replace(credit("x"), body="text"),  # type: ignore[arg-type]
                "body is str, not bytes",
            ),
            (replace(credit("x"), id="\ud800"), "id holds a lone surrogate"),
            (replace(credit("x"), type="\udfff"), "type holds a lone surrogate"),
            (
                replace(credit("x"), exclude_device=None),  # type: ignore[arg-type]
                "exclude_device is NoneType",
            ),
            (replace(credit("x"), id=""), "id is empty"),
            (credit("x", service="a\x00b"), "service holds a NUL"),
            (credit("i" * 400, service="s" * 200), "have 613 characters, more than 600"),
            (replace(credit("x"), id="a\x00b"), "id holds a NUL"),
            (tick("x", version=2**63), "version is 9223372036854775808"),
            (
                replace(tick("x"), version=1.5),  # type: ignore[arg-type]
                "version is 1.5",
            ),
            (tick("x", version=True), "version is True"),
            (credit("x", at=False), "created_ms is False"),
            (replace(tick("x"), contract=Contract.EPHEMERAL), "ephemeral"),
            (replace(credit("x"), body=bytes(2**24 + 1)), "more than 16777216"),
            (replace(tick("x"), key="k" * 501), "key has 501 characters, more than 500"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    async def test_an_impossible_event_is_named_and_none_of_its_batch_is_stored(
        self, store: Store, bad: Event, why: str
    ) -> None:
        with pytest.raises(BadEvent, match=why) as caught:
            await put(store, credit("a"), bad, credit("b"))
        assert caught.value.index == 1
        assert await store.queue(ALICE) is None
        assert [Stored(1), Stored(2)] == await put(store, credit("a"), credit("b"))


class TestWhatTheDatabaseRefuses:
    """No check of ours names it: the database works, and takes everything else."""

    @pytest.mark.parametrize(
        "bad", [credit("bad"), tick("bad", version=1)], ids=["every", "latest"]
    )
    async def test_nothing_of_its_batch_is_stored_and_the_others_pass_without_it(
        self, store: Store, disk: Disk, bad: Event
    ) -> None:
        disk.refuse("bad")
        for _ in range(2):
            with pytest.raises(StoreRefused, match="refuse"):
                await put(store, credit("a"), bad, credit("b"))
        assert [Stored(1), Stored(2)] == await put(store, credit("a"), credit("b"))
        with pytest.raises(StoreRefused):
            await put(store, bad)
        assert await seqs(store) == [1, 2]

    async def test_it_harms_no_call_that_is_under_way_beside_it(
        self, store: Store, disk: Disk
    ) -> None:
        disk.refuse("bad")
        batches = [credit("a")], [credit("bad")], [credit("b")]
        first, bad, last = await asyncio.gather(
            *(put(store, *batch) for batch in batches), return_exceptions=True
        )
        assert isinstance(bad, StoreRefused)
        assert (first, last) == ([Stored(1)], [Stored(2)])
