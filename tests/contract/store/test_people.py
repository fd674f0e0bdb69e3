"""Users are found by the beginning of their ids, and devices that are behind by how far."""

from __future__ import annotations

import pytest

from kull_router.queues.port import FIRST, Backlog, DeviceInfo, Store
from tests.support.stores import MAC, ack, attach, credit, put


class TestUsers:
    @pytest.fixture(autouse=True)
    async def _some(self, store: Store) -> None:
        for user in ("anna", "ann%", "bob", "Änne", "ann🎉"):
            await put(store, credit("c", address=f"user:{user}"))
        await put(store, credit("c", address="room:annex"))
        device = DeviceInfo(user="annika", device="phone")
        await attach(store, device, address="user:annika")

    async def test_those_with_a_queue_or_a_device_are_found_once_and_in_order(
        self, store: Store
    ) -> None:
        await put(store, credit("c", address="user:annika"))
        assert await store.users("ann") == ["ann%", "anna", "annika", "ann🎉"]
        assert await store.users("") == ["ann%", "anna", "annika", "ann🎉", "bob", "Änne"]
        assert await store.users("Ä") == ["Änne"]
        assert await store.users("ann%") == ["ann%"]
        assert await store.users("x") == []

    async def test_they_come_in_pages(self, store: Store) -> None:
        first = await store.users("ann", limit=2)
        assert first == ["ann%", "anna"]
        assert await store.users("ann", after=first[-1], limit=2) == ["annika", "ann🎉"]
        assert await store.users("ann", after="ann🎉", limit=2) == []


class TestBacklog:
    async def test_who_has_acknowledged_all_is_not_behind(self, store: Store) -> None:
        await attach(store)
        await attach(store, MAC)
        nothing = await store.backlog()
        assert (nothing.devices, nothing.positions, list(nothing.worst)) == (0, 0, [])

        await put(store, credit("c-1"), credit("c-2"), credit("c-3"))
        await ack(store, 3)
        await ack(store, 1, MAC)

        found = await store.backlog()
        assert (found.devices, found.positions) == (1, 2)
        (worst,) = found.worst
        assert (worst.device.info, worst.device.cursor, worst.positions) == (MAC, 1, 2)

    async def test_what_lay_there_before_a_device_came_does_not_count(self, store: Store) -> None:
        await put(store, credit("c-1"), credit("c-2"))
        await attach(store)
        assert (await store.backlog()).devices == 0

        await put(store, credit("c-3"))
        assert (await store.backlog()).positions == 1

    async def test_the_furthest_behind_come_first_and_only_so_many_by_name(
        self, store: Store
    ) -> None:
        await attach(store, MAC)
        await put(store, credit("c-1"))
        await attach(store)
        await put(store, credit("c-2"))

        found = await store.backlog(worst=1)

        assert (found.devices, found.positions) == (2, 3)
        assert [(each.device.info.device, each.positions) for each in found.worst] == [("mac", 2)]
        assert list((await store.backlog(worst=0)).worst) == []

    async def test_it_is_looked_through_in_parts_that_are_the_whole(self, store: Store) -> None:
        for user in ("anna", "ann%", "ann\U0010ffff", "ben", ""):
            for name in ("a", "b") if user else ():
                device = DeviceInfo(user=user, device=name)
                await attach(store, device, address=f"user:{user}")
            if user:
                await put(store, credit(f"c-{user}", address=f"user:{user}"))
        whole = await store.backlog(devices=100)

        for devices in (1, 2, 3, 8):
            found, parts = Backlog(after=FIRST), 0
            while found.after is not None:
                more = await store.backlog(found.after, devices=devices)
                assert more.devices <= devices
                found, parts = found.joined(more, 100), parts + 1
            assert parts == -(-8 // devices)
            assert (found.devices, found.positions) == (8, 8)
            assert {(one.device.info.user, one.device.info.device) for one in found.worst} == {
                (one.device.info.user, one.device.info.device) for one in whole.worst
            }
