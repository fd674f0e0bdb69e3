"""What every store promises as a `RevocationLog` (`kull_router.access.revocations`)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import psycopg
import pytest

from kull_router.access.revocations import Revocation
from kull_router.errors import StoreUnavailable
from tests.support.revocations import looked_at, many_revocations, until_waiting
from tests.support.store_tables import Tables
from tests.support.stores import (
    NOW,
    Disk,
    PostgresDisk,
    opened,
)


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
        kept = await store.revocations(0, 100)
        assert [replace(each, number=0) for each in kept] == [one, two, three]
        assert [each.number for each in kept] == sorted({each.number for each in kept})
        assert await store.revocations(kept[1].number, 100) == [kept[2]]

        await store.expire_revocations(NOW + 10)
        assert await store.revocations(0, 100) == [kept[1]]

        await store.expire_revocations(NOW + 20)
        await store.revoke(three)
        assert [each.number > kept[2].number for each in await store.revocations(0, 100)] == [True]


async def test_what_is_read_is_what_was_written(disk: Disk) -> None:
    written = [
        Revocation(user="Grüße 🎉", device="Ænt's 100% ?", issued_before_ms=NOW, until_ms=2**62),
        Revocation(user="", issued_before_ms=NOW, until_ms=NOW),
        Revocation(user="alice", token_id="t" * 500, until_ms=NOW + 1),
    ]
    async with opened(disk) as store:
        for each in written:
            await store.revoke(each)
        assert [replace(each, number=0) for each in await store.revocations(0, 100)] == written


async def test_those_that_are_written_at_once_get_numbers_of_their_own(disk: Disk) -> None:
    written = [Revocation(user=f"u{n}", until_ms=NOW + 1) for n in range(50)]
    async with opened(disk) as store:
        await asyncio.gather(*(store.revoke(each) for each in written))
        kept = await store.revocations(0, 100)
    assert sorted(each.user for each in kept) == sorted(each.user for each in written)
    numbers = [each.number for each in kept]
    assert numbers == sorted(set(numbers))
    assert numbers[0] > 0


async def test_the_same_revoked_again_is_one_row_with_the_later_of_each(disk: Disk) -> None:
    once = Revocation(user="alice", token_id="t-1", until_ms=NOW + 10)
    scope = Revocation(user="alice", device="phone", issued_before_ms=NOW, until_ms=NOW + 20)
    async with opened(disk) as store:
        for _ in range(3):
            await asyncio.gather(*(store.revoke(once) for _ in range(16)))
        await store.revoke(scope)
        first = await store.revocations(0, 100)
        assert [replace(each, number=0) for each in first] == [once, scope]

        await store.revoke(replace(scope, issued_before_ms=NOW - 5, until_ms=NOW + 30))
        await store.revoke(once)
        kept = await store.revocations(0, 100)
        assert [replace(each, number=0) for each in kept] == [
            once,
            replace(scope, until_ms=NOW + 30),
        ]
        assert kept[0] == first[0], "nothing was written"
        assert kept[1].number > first[1].number, "routers that know the first see the second"


async def test_a_page_ends_where_it_was_told_to(disk: Disk) -> None:
    async with opened(disk) as store:
        for n in range(5):
            await store.revoke(Revocation(user=f"u{n}", until_ms=NOW + 1))
        page = await store.revocations(0, 2)
        assert [each.user for each in page] == ["u0", "u1"]
        rest = await store.revocations(page[-1].number, 100)
        assert [each.user for each in rest] == ["u2", "u3", "u4"]


async def test_a_look_for_news_reads_no_row_of_the_many_that_are_in_force(tables: Tables) -> None:
    """Of 100,000; `python -m bench.revocations` has the times with 1,000,000."""
    async with opened(tables.disk) as store:
        tables.run(many_revocations(tables, 100_000, until_ms=NOW + 1))
        await store.revoke(Revocation(user="alice", until_ms=NOW))
        (newest,) = await store.revocations(100_000, 100)
        assert (newest.user, newest.number) == ("alice", 100_001)
        assert await store.revocations(newest.number, 100) == []
        await store.expire_revocations(NOW)
        assert await store.revocations(100_000, 100) == []

    assert looked_at(tables, newest.number) <= 10, "pages of the database or rows of a plan"


@pytest.mark.postgres
async def test_numbers_are_seen_in_order_although_a_writer_commits_late(database_url: str) -> None:
    disk = PostgresDisk(database_url)
    with psycopg.connect(database_url) as slow:
        async with opened(disk) as store:
            slow.execute("SELECT value FROM meta WHERE name = 'revocations' FOR UPDATE")
            slow.execute(
                "INSERT INTO revocations (user_id, device_id, token_id, issued_before_ms, until_ms)"
                " VALUES ('alice', '', '', 1, 2)"
            )
            later = asyncio.create_task(store.revoke(Revocation(user="bob", until_ms=NOW)))
            await until_waiting(database_url)
            assert await store.revocations(0, 100) == []
            slow.commit()
            await later
            assert [each.user for each in await store.revocations(0, 100)] == ["alice", "bob"]


async def test_expiring_leaves_what_is_in_force_and_may_be_done_again(disk: Disk) -> None:
    async with opened(disk) as store:
        for until_ms in (NOW, NOW + 1, NOW + 2):
            await store.revoke(Revocation(user="alice", until_ms=until_ms))
        for _ in range(2):
            await store.expire_revocations(NOW + 1)
            assert [each.until_ms for each in await store.revocations(0, 100)] == [NOW + 2]


async def test_retention_of_the_queues_leaves_them_alone(disk: Disk) -> None:
    async with opened(disk) as store:
        await store.revoke(Revocation(user="alice", until_ms=NOW + 1))
        await store.trim(NOW + 10**12)
        assert len(await store.revocations(0, 100)) == 1


async def test_a_closed_log_answers_nothing(disk: Disk) -> None:
    async with opened(disk) as store:
        await store.aclose()
        with pytest.raises(StoreUnavailable, match="closed"):
            await store.revoke(Revocation(user="alice", until_ms=NOW))
        with pytest.raises(StoreUnavailable, match="closed"):
            await store.revocations(0, 100)
        with pytest.raises(StoreUnavailable, match="closed"):
            await store.expire_revocations(NOW)


@pytest.mark.postgres
async def test_what_one_router_revokes_another_one_reads(database_url: str) -> None:
    disk = PostgresDisk(database_url)
    async with opened(disk) as one, opened(disk) as other:
        await one.revoke(Revocation(user="alice", until_ms=NOW))
        (first,) = await other.revocations(0, 100)
        await other.revoke(Revocation(user="bob", until_ms=NOW))
        assert [each.user for each in await one.revocations(first.number, 100)] == ["bob"]
