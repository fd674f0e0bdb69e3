"""What a device gets of a room where it has never been: its last entries, if it wants them."""

from __future__ import annotations

from kull_router.queues.port import Attach, DeviceInfo, Retention, Store
from tests.support.stores import (
    MAC,
    NOW,
    PHONE,
    SHARD,
    TWENTY,
    Disk,
    ack,
    attach,
    credit,
    opened,
    page,
    put,
    tick,
)

ROOM = "room:shoot:1"


async def said(store: Store, *ids: str) -> None:
    await put(store, *(credit(each, address=ROOM) for each in ids))


async def told(
    store: Store,
    history: int,
    device: DeviceInfo = PHONE,
    position: int | None = None,
) -> list[int]:
    """Join the room and return the positions that the device gets."""
    here = await attach(store, device, position, address=ROOM, history=history)
    found = await page(store, here.after, here.initial_head, ROOM)
    assert here.recovered
    assert not found.lost
    return [entry.seq for entry in found.entries]


async def test_a_newcomer_gets_the_last_entries_in_order(store: Store) -> None:
    await said(store, "a", "b", "c", "d")
    assert await told(store, 2) == [3, 4]


async def test_a_newcomer_who_asks_for_none_gets_none(store: Store) -> None:
    await said(store, "a", "b")
    assert await told(store, 0) == []


async def test_a_room_with_fewer_entries_gives_them_all(store: Store) -> None:
    await said(store, "a", "b")
    assert await told(store, 100) == [1, 2]
    assert await told(store, 2, MAC) == [1, 2]


async def test_an_empty_room_gives_nothing_and_what_comes_next(store: Store) -> None:
    assert await told(store, 10) == []
    await said(store, "a")
    assert await told(store, 10) == [1]


async def test_of_a_key_only_the_newest_counts(store: Store) -> None:
    ticks = [tick(f"t{n}", version=n, final=n == 9, address=ROOM) for n in range(10)]
    await said(store, "a", "b")
    await put(store, *ticks)
    await said(store, "c")
    assert await told(store, 3) == [2, 12, 13]


async def test_running_state_from_before_comes_as_well(store: Store) -> None:
    await put(store, tick("running", address=ROOM), tick("done", "k2", final=True, address=ROOM))
    await said(store, "a", "b", "c")
    assert await told(store, 1) == [1, 5]


async def test_the_history_stays_what_it_was_until_the_device_acknowledges(store: Store) -> None:
    await said(store, "a", "b", "c")
    assert await told(store, 1) == [3]
    await said(store, "d")
    assert await told(store, 100) == [3, 4]
    assert await told(store, 0) == [3, 4]


async def test_who_was_there_continues_and_gets_no_history(store: Store) -> None:
    await said(store, "a", "b", "c")
    assert await told(store, 0) == []
    await ack(store, 3, address=ROOM)
    await said(store, "d", "e")
    assert await told(store, 100) == [4, 5]


async def test_who_says_where_it_stands_gets_no_history(store: Store) -> None:
    await said(store, "a", "b", "c")
    assert await told(store, 100, position=2) == [3]


async def test_a_history_ends_where_retention_has_cut(disk: Disk) -> None:
    async with opened(disk, Retention(every_entries=3)) as store:
        await store.claim(SHARD, "r")
        await put(store, tick("old", final=True, address=ROOM))
        await said(store, "a", "b", "c", "d", "e")
        assert await told(store, 100) == [4, 5, 6]


async def test_many_newcomers_at_once_each_get_what_they_ask_for(store: Store) -> None:
    await said(store, *"abcdef")
    wanted = [
        Attach(shard=SHARD, term=1, address=ROOM, device=each, position=None, history=place % 7)
        for place, each in enumerate(TWENTY)
    ]
    here = await store.attach(wanted, NOW)
    begins = [6, 5, 4, 3, 2, 1, 0]
    assert [each.initial_head for each in here] == [begins[n % 7] for n in range(20)]
