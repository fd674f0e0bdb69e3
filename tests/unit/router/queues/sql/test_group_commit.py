"""Jobs share a commit when there are many, and do not wait when there are few."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from kull_router.queues.sql.db import Db
from kull_router.queues.sql.group_commit import LINGER, Writer
from kull_router.queues.sql.sqlite_connection import SqliteConnection
from tests.support.holding import holding


def nothing(db: Db) -> None:
    """A job that changes nothing."""


async def test_a_job_that_comes_alone_is_not_held_up(tmp_path: Path) -> None:
    waits: list[float] = []
    writer = Writer(SqliteConnection(tmp_path / "store.db"), sleep=waits.append)

    for _ in range(3):
        await writer.run(nothing)

    assert (writer.commits, waits) == (3, [])
    await writer.aclose()


async def test_a_job_after_a_crowd_waits_for_company(tmp_path: Path) -> None:
    waits: list[float] = []
    writer = Writer(SqliteConnection(tmp_path / "store.db"), sleep=waits.append)
    async with holding(writer, nothing):
        crowd = [asyncio.create_task(writer.run(nothing), name="crowd") for _ in range(5)]
        await asyncio.sleep(0)  # each has begun
    await asyncio.gather(*crowd)
    assert (writer.commits, waits) == (2, [])

    await writer.run(nothing)

    assert (writer.commits, waits) == (3, [LINGER])
    await writer.aclose()


async def test_requests_of_one_kind_that_wait_share_a_call(tmp_path: Path) -> None:
    calls: list[int] = []
    writer = Writer(SqliteConnection(tmp_path / "store.db"))

    def together(db: Db, requests: Sequence[int]) -> list[int | Exception]:
        calls.append(len(requests))
        return [2 * each for each in requests]

    async with holding(writer, nothing):
        asked = [asyncio.create_task(writer.run_together(together, number)) for number in range(5)]
        await asyncio.sleep(0)  # each has begun

    assert await asyncio.gather(*asked) == [0, 2, 4, 6, 8]
    assert calls == [5]
    await writer.aclose()
