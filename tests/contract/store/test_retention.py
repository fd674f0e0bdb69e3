"""What is too old goes, whole and only that."""

from __future__ import annotations

from kull_router.queues.port import (
    QueueInfo,
    Store,
    Stored,
)
from tests.support.stores import (
    ALICE,
    DAY,
    NOW,
    PHONE,
    TAB,
    Disk,
    credit,
    join,
    opened,
    put,
    seqs,
    tick,
)


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


async def test_the_moment_of_the_latest_trim_is_known_after_a_restart(disk: Disk) -> None:
    async with opened(disk) as store:
        assert store.time_ms == 0
        await store.trim(NOW)
        await store.trim(NOW - 5)
        assert store.time_ms == NOW
    async with opened(disk) as store:
        assert store.time_ms == NOW
        await store.trim(NOW + 5)
    async with opened(disk) as store:
        assert store.time_ms == NOW + 5
