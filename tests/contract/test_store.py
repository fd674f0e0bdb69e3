"""What every store promises (`kull_router.queues.port.Store`), one guarantee per test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from kull_router.access.revocations import Revocation
from kull_router.errors import BadEvent, Fenced, ShardCountMismatch, StoreUnavailable
from kull_router.queues.entry import Contract, Event
from kull_router.queues.port import (
    CursorUpdate,
    DeviceInfo,
    Duplicate,
    KnownDevice,
    Outcome,
    Page,
    QueueInfo,
    Retention,
    Stale,
    Store,
    Stored,
)
from tests.support.stores import (
    ALICE,
    NOW,
    SHARD,
    Disk,
    MemoryDisk,
    PostgresDisk,
    SqliteDisk,
    credit,
    opened,
    tick,
)

PHONE = DeviceInfo(user="alice", device="phone", name="Alice's phone", platform="ios")
MAC = DeviceInfo(user="alice", device="mac", name="Mac", platform="macos")
TAB = DeviceInfo(user="alice", device="web-1", platform="web", ephemeral=True)
TWENTY = [DeviceInfo(user="alice", device=f"device-{n:02}") for n in range(20)]
DAY = 86_400_000  # ms
AT_ONCE = Retention(ephemeral_device_age=0)  # acknowledged entries go without delay


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    if request.param == "postgres":
        return PostgresDisk(request.getfixturevalue("database_url"))
    return MemoryDisk() if request.param == "memory" else SqliteDisk(tmp_path)


@pytest.fixture
async def store(disk: Disk) -> AsyncIterator[Store]:
    async with opened(disk) as store:
        assert await store.claim(SHARD, "router-1") == 1
        yield store


async def put(store: Store, *events: Event, term: int = 1, now: int = NOW) -> list[Outcome]:
    return await store.append(SHARD, term, events, now)


async def page(store: Store, after: int = 0, initial_head: int = 0, address: str = ALICE) -> Page:
    return await store.read(
        address, after=after, limit=10_000, max_bytes=10**9, initial_head=initial_head
    )


async def seqs(store: Store, after: int = 0, initial_head: int = 0) -> list[int]:
    return [entry.seq for entry in (await page(store, after, initial_head)).entries]


async def ack(
    store: Store, seq: int, device: DeviceInfo = PHONE, address: str = ALICE, now: int = NOW
) -> None:
    update = CursorUpdate(address=address, user=device.user, device=device.device, seq=seq)
    await store.advance([update], now)


async def join(
    store: Store,
    device: DeviceInfo = PHONE,
    position: int | None = None,
    *,
    address: str = ALICE,
    now: int = NOW,
) -> tuple[int, int, bool]:
    """Attach and return (after, initial_head, recovered)."""
    attached = await store.attach(SHARD, 1, address, device, position, now)
    return attached.after, attached.initial_head, attached.recovered


class TestClaim:
    async def test_terms_start_at_one_and_grow_by_one_per_shard(self, store: Store) -> None:
        assert [await store.claim(SHARD, "b"), await store.claim(SHARD, "a")] == [2, 3]
        assert await store.claim(SHARD + 1, "a") == 1

    async def test_terms_survive_a_restart(self, disk: Disk, store: Store) -> None:
        await store.aclose()
        async with opened(disk) as again:
            assert await again.claim(SHARD, "router-1") == 2

    async def test_concurrent_claims_get_different_terms(self, store: Store) -> None:
        terms = await asyncio.gather(*(store.claim(SHARD, str(one)) for one in range(20)))
        assert set(range(2, 22)) == set(terms)

    @pytest.mark.parametrize("term", [0, 1, 3])
    async def test_an_append_of_another_term_is_fenced_and_changes_nothing(
        self, store: Store, term: int
    ) -> None:
        await store.claim(SHARD, "router-2")
        with pytest.raises(Fenced, match=f"owned under term 2, not {term}"):
            await put(store, credit("a"), term=term)
        assert await store.queue(ALICE) is None
        assert [Stored(1)] == await put(store, credit("a"), term=2)

    async def test_an_empty_append_is_fenced_too(self, store: Store) -> None:
        assert await put(store) == []
        await store.claim(SHARD, "router-2")
        with pytest.raises(Fenced):
            await put(store)

    async def test_an_attach_of_another_term_is_fenced_and_changes_nothing(
        self, store: Store
    ) -> None:
        await store.claim(SHARD, "router-2")
        with pytest.raises(Fenced):
            await join(store)
        assert await store.devices("alice") == []

    async def test_calls_that_wait_beside_a_fenced_one_are_not_held_up(self, store: Store) -> None:
        await store.claim(SHARD + 1, "router-1")
        events = [credit(f"{n}", address=f"user:{n}") for n in range(20)]

        outcomes = await asyncio.gather(
            *(
                store.append(SHARD + n % 2, 1 + n % 3 // 2, [event], NOW)
                for n, event in enumerate(events)
            ),
            *(
                store.attach(SHARD, 1 + n % 2, ALICE, device, None, NOW)
                for n, device in enumerate(TWENTY)
            ),
            return_exceptions=True,
        )

        fenced = [n for n, one in enumerate(outcomes[:20]) if isinstance(one, Fenced)]
        assert fenced == [n for n in range(20) if n % 3 == 2]
        stored = [one for one in outcomes[:20] if not isinstance(one, BaseException)]
        assert stored == [[Stored(1)]] * len(stored)
        assert [isinstance(one, Fenced) for one in outcomes[20:]] == [False, True] * 10
        assert len(await store.devices("alice")) == 10

    async def test_a_shard_that_nobody_claimed_is_fenced(self, store: Store) -> None:
        with pytest.raises(Fenced):
            await store.append(SHARD + 1, 1, [credit("a")], NOW)

    async def test_another_shard_count_is_refused(self, disk: Disk, store: Store) -> None:
        await store.aclose()
        with pytest.raises(ShardCountMismatch, match="KULL_SHARD_COUNT=16"):
            async with opened(disk, shard_count=8):
                pass
        async with opened(disk):
            pass

    async def test_the_epoch_survives_a_restart(self, disk: Disk, store: Store) -> None:
        epoch = store.epoch
        assert epoch
        await store.aclose()
        async with opened(disk) as again:
            assert epoch == again.epoch


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
            replace(credit("tab\tid"), key="k", version=-3, final=True),
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
            (replace(credit("x"), id="a\x00b"), "id holds a NUL"),
            (tick("x", version=2**63), "version is 9223372036854775808"),
            (
                replace(tick("x"), version=1.5),  # type: ignore[arg-type]
                "version is 1.5",
            ),
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


class TestAttach:
    async def test_a_device_never_seen_before_gets_running_state_only(self, store: Store) -> None:
        await put(store, credit("a"), tick("b", "k1"), tick("c", "k2", final=True), tick("d", "k3"))
        attached = await store.attach(SHARD, 1, ALICE, PHONE, None, NOW)
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
            return (await store.attach(SHARD, 1, ALICE, PHONE, position, NOW)).first

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


class TestAdvance:
    async def test_a_cursor_never_goes_back_nor_beyond_the_head(self, store: Store) -> None:
        await put(store, *(credit(str(n)) for n in range(5)))
        await join(store)
        await ack(store, 4)
        await ack(store, 3)
        assert (await store.devices("alice"))[0].cursor == 4
        await ack(store, 10**12)
        assert (await store.devices("alice"))[0].cursor == 5

    async def test_unknown_devices_and_queues_are_skipped(self, store: Store) -> None:
        await put(store, credit("a"))
        await ack(store, 1)
        await ack(store, 1, address="room:nowhere")
        assert await store.devices("alice") == []
        assert await join(store) == (0, 1, True)

    async def test_many_cursors_move_at_once(self, store: Store) -> None:
        users = [f"u{n}" for n in range(300)]
        await put(store, *(credit(user, address=f"user:{user}") for user in users))
        for user in users:
            device = DeviceInfo(user=user, device="d")
            await join(store, device, position=0, address=f"user:{user}")
        await store.advance(
            [CursorUpdate(address=f"user:{u}", user=u, device="d", seq=1) for u in users], NOW
        )
        assert {1} == {(await store.devices(user))[0].cursor for user in users}

    async def test_what_all_stable_devices_have_is_trimmed(self, disk: Disk) -> None:
        async with opened(disk, AT_ONCE) as store:
            await store.claim(SHARD, "r")
            for device in (PHONE, MAC, TAB):
                await join(store, device)
            await put(store, *(credit(str(n)) for n in range(5)))
            await ack(store, 4, now=NOW + 1)
            assert await seqs(store) == [1, 2, 3, 4, 5], "the Mac has none of it"
            await ack(store, 2, MAC, now=NOW + 1)
            assert await seqs(store) == [3, 4, 5], "the tab holds nothing"
            assert (await store.queues())[0].floor == 2
            assert (await page(store, 1)).lost

    async def test_running_state_stays_whatever_is_acknowledged(self, disk: Disk) -> None:
        async with opened(disk, AT_ONCE) as store:
            await store.claim(SHARD, "r")
            await join(store)
            await put(store, tick("a", "k1"), credit("b"), tick("c", "k2", final=True))
            await ack(store, 3, now=NOW + 1)
            assert await seqs(store) == [1]
            assert QueueInfo(address=ALICE, head=3, floor=3, entries=1) == await store.queue(ALICE)
            after, initial_head, _ = await join(store, MAC)
            assert await seqs(store, after, initial_head) == [1]
            assert [Stored(4, 1)] == await put(store, tick("d", "k1", final=True))

    async def test_a_tab_still_gets_what_the_phone_acknowledged_lately(self, store: Store) -> None:
        await join(store, TAB)
        await join(store)
        await put(store, credit("a"), credit("b", at=NOW + 1))
        minutes = NOW + 600_000
        await ack(store, 2, now=minutes)
        assert await join(store, TAB) == (0, 0, True)
        assert await seqs(store) == [1, 2]
        await ack(store, 2, now=minutes + 1)
        assert await seqs(store) == [2]
        assert await store.trim(minutes + 2) == 1 + 1, "the entry, and the tab that is long gone"
        assert await seqs(store) == []

    async def test_rooms_and_all_are_never_trimmed_by_acknowledgements(self, disk: Disk) -> None:
        async with opened(disk, AT_ONCE) as store:
            await store.claim(SHARD, "r")
            for address in ("all", "room:alice"):
                await join(store, address=address)
                await put(store, credit("a", address=address))
                await ack(store, 1, address=address, now=NOW + 1)
                assert len((await page(store, address=address)).entries) == 1
            assert await store.trim(NOW + 1) == 0

    async def test_without_stable_devices_nothing_is_trimmed(self, disk: Disk) -> None:
        async with opened(disk, AT_ONCE) as store:
            await store.claim(SHARD, "r")
            await join(store, TAB)
            await put(store, credit("a"))
            await ack(store, 1, TAB, now=NOW + 1)
            assert await seqs(store) == [1]

    async def test_history_before_a_devices_first_contact_is_not_held_for_it(
        self, disk: Disk
    ) -> None:
        async with opened(disk, AT_ONCE) as store:
            await store.claim(SHARD, "r")
            await join(store)
            await put(store, credit("a"), credit("b"))
            await join(store, MAC)
            await ack(store, 2, now=NOW + 1)
            assert await seqs(store) == []
            assert await join(store, MAC) == (0, 2, True)


class TestDevices:
    async def test_they_are_listed_in_order_of_their_ids(self, store: Store) -> None:
        await put(store, credit("a"))
        await join(store, PHONE, position=1, now=NOW + 5)
        await join(store, MAC)
        await join(store, DeviceInfo(user="alicea", device="other"))
        assert [
            KnownDevice(info=MAC, cursor=0, last_seen_ms=NOW),
            KnownDevice(info=PHONE, cursor=1, last_seen_ms=NOW + 5),
        ] == await store.devices("alice")

    async def test_a_device_that_only_follows_a_room_has_cursor_zero(self, store: Store) -> None:
        await put(store, credit("a", address="room:x"))
        await join(store, address="room:x", position=1)
        assert [device.cursor for device in await store.devices("alice")] == [0]

    async def test_its_name_follows_the_last_attach_or_touch(self, store: Store) -> None:
        await join(store)
        renamed = replace(PHONE, name="New phone")
        await store.touch(renamed, NOW + 1)
        assert [KnownDevice(info=renamed, cursor=0, last_seen_ms=NOW + 1)] == (
            await store.devices("alice")
        )
        await join(store, PHONE, now=NOW)
        assert [KnownDevice(info=PHONE, cursor=0, last_seen_ms=NOW + 1)] == (
            await store.devices("alice")
        )

    async def test_touching_an_unknown_device_does_nothing(self, store: Store) -> None:
        await store.touch(PHONE, NOW)
        assert await store.devices("alice") == []

    async def test_a_forgotten_device_is_new_at_its_next_attach(self, store: Store) -> None:
        await put(store, credit("a"))
        await join(store, position=1)
        await store.forget("alice", "phone")
        assert await store.devices("alice") == []
        assert await join(store) == (0, 1, True)

    async def test_a_forgotten_device_holds_nothing_any_more(self, disk: Disk) -> None:
        async with opened(disk, AT_ONCE) as store:
            await store.claim(SHARD, "r")
            await join(store)
            await join(store, MAC)
            await put(store, credit("a"))
            await ack(store, 1, now=NOW + 1)
            await store.forget("alice", "mac")
            assert await store.trim(NOW + 1) == 1
            assert await seqs(store) == []


class TestTrim:
    async def test_entries_go_after_their_age_running_state_too(self, store: Store) -> None:
        await put(store, credit("a"), tick("b"), credit("c", at=NOW + 1))
        week = NOW + 7 * DAY
        await store.trim(week)
        assert await seqs(store) == [1, 2, 3]
        await store.trim(week + 1)
        assert QueueInfo(address=ALICE, head=3, floor=2, entries=1) == await store.queue(ALICE)
        await store.trim(week + 2)
        assert QueueInfo(address=ALICE, head=3, floor=3, entries=0) == await store.queue(ALICE)
        assert [Stored(4)] == await put(store, credit("d"))

    async def test_only_a_run_from_the_oldest_goes(self, store: Store) -> None:
        await put(store, credit("a", at=NOW + DAY), credit("b"), tick("c", at=0))
        await store.trim(NOW + 7 * DAY + 1)
        assert await seqs(store) == [1, 2, 3]

    async def test_devices_go_with_their_cursors_after_their_age(self, store: Store) -> None:
        await put(store, credit("a", at=NOW + 365 * DAY))
        for device in (PHONE, TAB):
            await join(store, device, position=1)
        assert await store.trim(NOW + 600_000) == 0
        assert await store.trim(NOW + 600_001) == 1
        assert [known.info.device for known in await store.devices("alice")] == ["phone"]
        assert await join(store, TAB, now=NOW + 600_001) == (0, 1, True)
        await store.touch(TAB, NOW + 1_000_000)
        assert await store.trim(NOW + 1_600_000) == 0
        month = NOW + 30 * DAY
        await store.trim(month)
        assert [known.info.device for known in await store.devices("alice")] == ["phone"]
        await store.trim(month + 1)
        assert await store.devices("alice") == []

    async def test_it_counts_entries_ids_and_devices(self, store: Store) -> None:
        await put(store, credit("a"), tick("b"), credit("c", address="all"))
        await join(store)
        assert await store.trim(NOW + 365 * DAY) == 3 + 3 + 1
        assert await store.trim(NOW + 365 * DAY) == 0

    async def test_it_reaches_everything_however_much_there_is(self, store: Store) -> None:
        events = [credit(str(n), address=f"user:{n % 90}") for n in range(4_500)]
        await put(store, *events)
        assert await store.trim(NOW + 365 * DAY) == 9_000
        assert {0} == {info.entries for info in await store.queues(limit=1_000)}


class TestQueues:
    async def test_they_come_in_pages_in_address_order(self, store: Store) -> None:
        addresses = ["all", "room:é", "room:z", "user:A", "user:a", "user:😀", "user:\uffff"]
        await put(store, *(credit("1", address=address) for address in addresses))
        first = await store.queues(limit=3)
        rest = await store.queues(after=first[-1].address)
        assert sorted(addresses) == [info.address for info in (*first, *rest)]

    async def test_an_unknown_queue_is_none(self, store: Store) -> None:
        assert await store.queue("user:nobody") is None


class TestClose:
    async def test_it_is_idempotent_and_later_calls_are_refused(self, store: Store) -> None:
        await store.aclose()
        await store.aclose()
        with pytest.raises(StoreUnavailable, match="closed"):
            await put(store, credit("a"))
        with pytest.raises(StoreUnavailable, match="closed"):
            await page(store)

    async def test_running_calls_are_finished(self, disk: Disk, store: Store) -> None:
        running = [asyncio.create_task(put(store, credit(str(n)))) for n in range(50)]
        await asyncio.sleep(0)  # each has begun
        await store.aclose()
        assert [[Stored(n + 1)] for n in range(50)] == await asyncio.gather(*running)
        async with opened(disk) as again:
            assert len(await seqs(again)) == 50

    async def test_a_cancelled_append_is_whole_or_absent(self, store: Store) -> None:
        tasks = [
            asyncio.create_task(put(store, credit(f"{n}a"), credit(f"{n}b"))) for n in range(20)
        ]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await put(store, credit("end"))
        ids = [entry.event.id for entry in (await page(store)).entries]
        assert all((f"{n}a" in ids) == (f"{n}b" in ids) for n in range(20))
        assert {f"{n}a" for n in range(1, 20, 2)} <= set(ids)


async def test_a_revocation_is_kept_across_a_restart_until_its_tokens_have_expired(
    disk: Disk,
) -> None:
    one = Revocation(user="alice", issued_before_ms=NOW, until_ms=NOW + 10)
    two = Revocation(user="alice", device="phone", issued_before_ms=NOW, until_ms=NOW + 20)
    three = Revocation(token_id="t-3", until_ms=NOW + 10)
    async with opened(disk) as store:
        for revocation in (one, two, three):
            await store.revoke(revocation)

    async with opened(disk) as store:
        kept = await store.revocations(0)
        assert [replace(each, number=0) for each in kept] == [one, two, three]
        assert [each.number for each in kept] == sorted({each.number for each in kept})
        assert await store.revocations(kept[1].number) == [kept[2]]

        await store.expire_revocations(NOW + 10)
        assert await store.revocations(0) == [kept[1]]

        await store.expire_revocations(NOW + 20)
        await store.revoke(three)
        assert [each.number > kept[2].number for each in await store.revocations(0)] == [True]
