"""What every store promises as an `AuditLog` (`kull_router.access.audit`)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kull_router.access.audit import Action
from kull_router.errors import StoreUnavailable
from kull_router.queues.port import Retention
from tests.support.stores import NOW, Disk, opened

REVOKE = Action(operator="key:anna", name="revoke", target="alice", at_ms=NOW)


async def test_actions_are_kept_across_a_restart_and_told_the_newest_first(disk: Disk) -> None:
    async with opened(disk) as store:
        numbers = [
            await store.note(replace(REVOKE, target=f"Grüße 🎉 {n}", at_ms=NOW + n))
            for n in range(5)
        ]

    async with opened(disk) as store:
        found = await store.actions(limit=2)
        assert [each.target for each in found] == ["Grüße 🎉 4", "Grüße 🎉 3"]
        rest = await store.actions(before=found[-1].number, limit=100)
        assert [each.number for each in rest] == numbers[2::-1]
        assert replace(rest[-1], number=0) == replace(REVOKE, target="Grüße 🎉 0")
        assert await store.note(REVOKE) > numbers[-1]


async def test_how_one_ended_is_noted_once(disk: Disk) -> None:
    async with opened(disk) as store:
        first, second = await store.note(REVOKE), await store.note(REVOKE)

        await store.finish(first, "2 sessions were closed")
        await store.finish(first, "something else")
        await store.finish(second + 100, "nobody's")

        assert [each.result for each in await store.actions()] == ["", "2 sessions were closed"]


async def test_one_that_is_noted_again_by_its_key_is_there_once(disk: Disk) -> None:
    async with opened(disk) as store:
        first = await store.note(replace(REVOKE, key="k-1"))
        other = await store.note(replace(REVOKE, key="k-2"))
        await store.finish(first, "done")

        again = await asyncio.gather(*(store.note(replace(REVOKE, key="k-1")) for _ in range(5)))

        assert set(again) == {first}
        assert await store.note(REVOKE) > other
        assert [(each.key, each.result) for each in await store.actions()] == [
            ("", ""),
            ("k-2", ""),
            ("k-1", "done"),
        ]


async def test_those_that_are_noted_at_once_get_numbers_of_their_own(disk: Disk) -> None:
    async with opened(disk) as store:
        numbers = await asyncio.gather(*(store.note(REVOKE) for _ in range(30)))
        assert sorted(set(numbers)) == sorted(numbers)
        assert [each.number for each in await store.actions()] == sorted(numbers, reverse=True)


async def test_what_is_too_old_is_forgotten_and_its_number_is_not_given_again(disk: Disk) -> None:
    async with opened(disk, Retention(action_age=10)) as store:
        await store.note(replace(REVOKE, at_ms=NOW))
        last = await store.note(replace(REVOKE, at_ms=NOW + 5_000))

        await store.trim(NOW + 10_000)
        assert len(await store.actions()) == 2
        await store.trim(NOW + 10_001)
        assert [each.number for each in await store.actions()] == [last]
        await store.trim(NOW + 20_000)
        assert list(await store.actions()) == []
        assert await store.note(REVOKE) > last


async def test_a_closed_store_says_so(disk: Disk) -> None:
    async with opened(disk) as store:
        pass
    with pytest.raises(StoreUnavailable):
        await store.note(REVOKE)
    with pytest.raises(StoreUnavailable):
        await store.actions()
