"""Rooms of a kind are kept as its setting says, all other queues as everywhere."""

from __future__ import annotations

from kull_router.queues.port import Outcome, Stale, Store, Stored
from kull_router.queues.retention import Retention, RoomKind
from tests.support.stores import DAY, NOW, SHARD, Disk, credit, opened, page, put, tick

MONTH = RoomKind(keep_for=30 * 86_400)
SHORT = RoomKind(keep_for=60)
KINDS = Retention(kinds={"shoot": MONTH, "flash": SHORT, "team": RoomKind(keep_every_entries=2)})
SHOOT, FLASH, TEAM, PLAIN = "room:shoot:1", "room:flash:1", "room:team:1", "room:shoot"


async def kept(store: Store, address: str) -> list[int]:
    return [entry.seq for entry in (await page(store, address=address)).entries]


async def test_entries_go_after_the_age_of_their_rooms_kind(disk: Disk) -> None:
    async with opened(disk, KINDS) as store:
        await store.claim(SHARD, "r")
        for address in (SHOOT, FLASH, PLAIN, "user:flash:1"):
            await put(store, credit("a", address=address), tick("b", address=address))

        async def left() -> list[int]:
            return [len(await kept(store, each)) for each in (SHOOT, FLASH, PLAIN, "user:flash:1")]

        await store.trim(NOW + 60_000)
        assert await left() == [2, 2, 2, 2]
        await store.trim(NOW + 60_001)
        assert await left() == [2, 0, 2, 2]
        await store.trim(NOW + 7 * DAY + 1)
        assert await left() == [2, 0, 0, 0]
        await store.trim(NOW + 30 * DAY + 1)
        assert await left() == [0, 0, 0, 0]


async def test_entries_go_above_the_number_of_their_rooms_kind(disk: Disk) -> None:
    async with opened(disk, KINDS) as store:
        await store.claim(SHARD, "r")
        for address in (TEAM, SHOOT):
            await put(store, *(credit(str(n), address=address) for n in range(4)))
        assert await kept(store, TEAM) == [3, 4]
        assert await kept(store, SHOOT) == [1, 2, 3, 4]


async def test_a_key_is_remembered_for_as_long_as_its_rooms_kind_wants(disk: Disk) -> None:
    async with opened(disk, KINDS) as store:
        await store.claim(SHARD, "r")
        for address in (SHOOT, FLASH, PLAIN):
            await put(store, tick("new", version=5, address=address))

        async def late(address: str, event_id: str) -> Outcome:
            (outcome,) = await put(store, tick(event_id, version=1, address=address))
            return outcome

        await store.trim(NOW + DAY + 60_001)
        assert await late(FLASH, "a") == Stored(2)
        assert await late(PLAIN, "a") == Stale()
        await store.trim(NOW + 8 * DAY + 1)
        assert await late(PLAIN, "b") == Stored(2)
        await store.trim(NOW + 31 * DAY)
        assert await late(SHOOT, "c") == Stale()
        await store.trim(NOW + 31 * DAY + 1)
        assert await late(SHOOT, "d") == Stored(2)


def test_a_kind_without_limits_is_kept_as_everywhere() -> None:
    retention = Retention(every_entries=7, kinds={"team": RoomKind(history=True)})
    assert retention.of(TEAM) == Retention(every_entries=7)
