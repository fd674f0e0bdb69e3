"""Jobs share a commit when there are many, and do not wait when there are few."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from kull_router.queues.sql.db import Db
from kull_router.queues.sql.group_commit import LINGER, Writer
from kull_router.queues.sql.pace import Pace
from kull_router.queues.sql.sqlite_connection import SqliteConnection
from tests.support.holding import holding


def nothing(db: Db) -> None:
    """A job that changes nothing."""


class Remote(SqliteConnection):
    """As if each statement had to travel."""

    local = False


class Waits(list[float]):
    """Notes for how long it was told to wait, and does not."""

    async def sleep(self, seconds: float) -> None:
        self.append(seconds)


async def test_a_job_that_comes_alone_is_not_held_up(tmp_path: Path) -> None:
    waits = Waits()
    writer = Writer(Remote(tmp_path / "store.db"), sleep=waits.sleep)

    for _ in range(3):
        await writer.run(nothing)

    assert (writer.commits, waits) == (3, [])
    await writer.aclose()


@pytest.mark.parametrize(
    ("kind", "row", "waited"),
    [
        (Remote, (), [LINGER]),
        (SqliteConnection, (), []),
        (SqliteConnection, ("maya", "mac"), [LINGER]),
    ],
)
async def test_a_job_after_a_crowd_waits_for_company_if_that_is_worth_it(
    tmp_path: Path, kind: type[SqliteConnection], row: tuple[str, ...], waited: list[float]
) -> None:
    waits = Waits()
    writer = Writer(kind(tmp_path / "store.db"), sleep=waits.sleep)
    async with holding(writer, nothing):
        crowd = [asyncio.create_task(writer.run(nothing), name="crowd") for _ in range(5)]
        await asyncio.sleep(0)  # each has begun
    await asyncio.gather(*crowd)
    assert (writer.commits, waits) == (2, [])

    await writer.run(nothing, row=row)

    assert (writer.commits, waits) == (3, waited)
    await writer.aclose()


@pytest.mark.parametrize(
    ("kind", "options", "here"),
    [
        (SqliteConnection, {}, True),
        (SqliteConnection, {"slow": True}, False),
        (SqliteConnection, {"size": 10**6}, False),
        (Remote, {}, False),
    ],
)
async def test_short_jobs_of_a_local_database_run_on_the_event_loop_and_nothing_else(
    tmp_path: Path, kind: type[SqliteConnection], options: dict[str, Any], here: bool
) -> None:
    writer = Writer(kind(tmp_path / "store.db"))

    thread = await writer.run(lambda _: threading.current_thread(), **options)

    assert (thread is threading.current_thread()) == here
    await writer.aclose()


async def test_the_event_loop_waits_for_no_slow_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "is_quick", lambda _: False)
    commits: list[threading.Thread] = []

    class Noting(SqliteConnection):
        def commit(self) -> None:
            commits.append(threading.current_thread())
            super().commit()

    writer = Writer(Noting(tmp_path / "store.db"))
    await writer.run(nothing)

    assert threading.current_thread() not in commits
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
