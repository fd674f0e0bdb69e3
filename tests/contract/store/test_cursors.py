"""Cursors move forward, and what all devices have is trimmed; devices are known."""

from __future__ import annotations

from dataclasses import replace

from kull_router.queues.port import (
    CursorUpdate,
    DeviceInfo,
    KnownDevice,
    QueueInfo,
    Store,
    Stored,
)
from tests.support.stores import (
    ALICE,
    AT_ONCE,
    MAC,
    NOW,
    PHONE,
    SHARD,
    TAB,
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
            KnownDevice(info=MAC, cursor=0, last_seen_ms=NOW, initial_head=1),
            KnownDevice(info=PHONE, cursor=1, last_seen_ms=NOW + 5),
        ] == await store.devices("alice")

    async def test_a_device_that_only_follows_a_room_has_cursor_zero(self, store: Store) -> None:
        await put(store, credit("a", address="room:x"))
        await join(store, address="room:x", position=1)
        (own,) = await store.devices("alice")
        (room,) = await store.devices("alice", "room:x")
        (other,) = await store.devices("alice", "room:y")
        assert [(each.cursor, each.follows) for each in (own, room, other)] == [
            (0, False),
            (1, True),
            (0, False),
        ]

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
