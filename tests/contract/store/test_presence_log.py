"""What every store promises as a `PresenceLog` (`kull_router.queues.presence_log`)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kull_router.errors import Fenced, StoreUnavailable
from kull_router.queues.presence_log import Told
from tests.support.stores import MAC, NOW, PHONE, SHARD, Disk, attach, opened

ALICE = Told(user="alice", term=1, number=1, at_ms=NOW, online=True)
MACBOOK = replace(ALICE, device="mac", number=2)


async def test_words_are_kept_across_a_restart_each_instead_of_the_one_before(disk: Disk) -> None:
    later = replace(MACBOOK, number=7, at_ms=NOW + 9, online=False)
    bob = replace(ALICE, user="Grüße 🎉", told=True)
    async with opened(disk) as store:
        term = await store.claim(SHARD, "router-1")
        await store.tell(SHARD, term, [ALICE, MACBOOK, bob])
        await store.tell(SHARD, term, [later])

    async with opened(disk) as store:
        assert await store.told(SHARD) == sorted(
            [bob, ALICE, later], key=lambda each: (each.user, each.device)
        )
        assert await store.told(SHARD + 1) == []


async def test_what_was_told_to_be_offline_is_forgotten(disk: Disk) -> None:
    async with opened(disk) as store:
        term = await store.claim(SHARD, "router-1")
        await store.tell(SHARD, term, [ALICE, MACBOOK])
        await store.tell(SHARD, term, [replace(MACBOOK, online=False, told=True)])
        assert await store.told(SHARD) == [ALICE]


async def test_a_router_that_lost_the_shard_keeps_nothing(disk: Disk) -> None:
    async with opened(disk) as store:
        old = await store.claim(SHARD, "router-1")
        await store.claim(SHARD, "router-2")
        with pytest.raises(Fenced):
            await store.tell(SHARD, old, [ALICE])
        assert await store.told(SHARD) == []


async def test_a_user_was_last_seen_when_the_last_of_the_devices_was(disk: Disk) -> None:
    async with opened(disk) as store:
        await store.claim(SHARD, "router-1")
        await attach(store, PHONE)
        await attach(store, MAC)
        await store.touch(PHONE, NOW + 5_000)
        await store.touch(MAC, NOW + 2_000)
        assert await store.last_seen(["alice", "nobody", "alice"]) == {"alice": NOW + 5_000}
        assert await store.last_seen([]) == {}


async def test_a_closed_store_says_that_it_is_not_there(disk: Disk) -> None:
    async with opened(disk) as store:
        pass
    with pytest.raises(StoreUnavailable):
        await store.tell(SHARD, 1, [ALICE])
    with pytest.raises(StoreUnavailable):
        await store.told(SHARD)
    with pytest.raises(StoreUnavailable):
        await store.last_seen(["alice"])
