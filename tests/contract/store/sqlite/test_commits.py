"""Calls of the SQLite store share a commit, and a failing one hurts no other."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from kull_router.errors import (
    BadEvent,
    Fenced,
    StoreRefused,
    StoreUnavailable,
)
from kull_router.queues import rules
from kull_router.queues.entry import Event
from kull_router.queues.port import DeviceInfo, Duplicate, Stored
from kull_router.queues.sql.db import Db
from kull_router.queues.sql.sqlite import SqliteStore
from tests.support.holding import holding
from tests.support.stores import ALICE, NOW, SHARD, credit, tick


@asynccontextmanager
async def busy_writer(store: SqliteStore) -> AsyncIterator[None]:
    """Keep the writer's thread inside one job, so that what comes meanwhile piles up."""
    async with holding(store._writer, lambda db: db.execute("UPDATE shards SET owner = owner")):
        yield


@contextmanager
def full_disk(store: SqliteStore) -> Iterator[None]:
    """Let the file grow no further: SQLite then says what it says when the disk is full."""
    db = store._writer._db
    ((limit,),) = db.query("PRAGMA max_page_count")
    ((now,),) = db.query("PRAGMA page_count")
    db.execute(f"PRAGMA max_page_count = {now}")
    try:
        yield
    finally:
        db.execute(f"PRAGMA max_page_count = {limit}")


class TestGroupCommit:
    async def test_what_waits_is_committed_at_once(self, store: SqliteStore) -> None:
        before = store.commits
        async with busy_writer(store):
            waiting = [
                asyncio.create_task(store.append(SHARD, 1, [credit(str(n))], NOW))
                for n in range(100)
            ]
            await asyncio.sleep(0)  # each has begun
        assert await asyncio.gather(*waiting) == [[Stored(n + 1)] for n in range(100)]
        assert store.commits - before == 2, "the one that kept the writer busy, then all others"

    async def test_a_refused_call_leaves_the_others_of_its_group_alone(
        self, store: SqliteStore
    ) -> None:
        async with busy_writer(store):
            waiting = [
                asyncio.create_task(store.append(SHARD, term, [credit(str(n))], NOW))
                for n, term in enumerate([1, 7, 1])
            ]
            await asyncio.sleep(0)
        first, fenced, last = await asyncio.gather(*waiting, return_exceptions=True)
        assert (first, last) == ([Stored(1)], [Stored(2)])
        assert isinstance(fenced, Fenced)

    async def test_a_failing_call_undoes_its_own_writes_only(self, store: SqliteStore) -> None:
        def fail(db: Db) -> None:
            db.execute("INSERT INTO shards (shard, term, owner) VALUES (9, 9, 'x')")
            db.execute("INSERT INTO nowhere VALUES (1)")

        async with busy_writer(store):
            failing = asyncio.create_task(store._writer.run(fail))
            waiting = asyncio.create_task(store.append(SHARD, 1, [credit("a")], NOW))
            await asyncio.sleep(0)
        with pytest.raises(StoreUnavailable, match="no such table: nowhere"):
            await failing
        assert await waiting == [Stored(1)]
        assert await store.claim(9, "r") == 1

    async def test_later_calls_of_a_group_see_earlier_ones(self, store: SqliteStore) -> None:
        async with busy_writer(store):
            claim = asyncio.create_task(store.claim(SHARD, "router-2"))
            await asyncio.sleep(0)
            append = asyncio.create_task(store.append(SHARD, 1, [credit("a")], NOW))
            await asyncio.sleep(0)
        assert await claim == 2
        with pytest.raises(Fenced):
            await append

    async def test_what_waits_is_bounded(self, store: SqliteStore) -> None:
        phone = DeviceInfo(user="alice", device="phone")
        async with busy_writer(store):
            calls = [asyncio.create_task(store.touch(phone, NOW)) for _ in range(1_500)]
            await asyncio.sleep(0)
            assert store._writer._jobs.qsize() == 1_024 - 1
        await asyncio.gather(*calls)

    async def test_reads_do_not_wait_for_the_writer(self, store: SqliteStore) -> None:
        await store.append(SHARD, 1, [credit("a")], NOW)
        async with busy_writer(store), asyncio.timeout(5):
            page = await store.read(ALICE, after=0, limit=9, max_bytes=999)
            assert [entry.event.id for entry in page.entries] == ["a"]
            assert await store.queue(ALICE) is not None

    async def test_a_call_that_was_cancelled_while_it_waited_hurts_nobody(
        self, store: SqliteStore
    ) -> None:
        async with busy_writer(store):
            cancelled = asyncio.create_task(store.append(SHARD, 1, [credit("a")], NOW))
            other = asyncio.create_task(store.append(SHARD, 1, [credit("b")], NOW))
            await asyncio.sleep(0)
            cancelled.cancel()
        assert await other in ([Stored(1)], [Stored(2)])
        assert await store.append(SHARD, 1, [credit("b")], NOW) == [Duplicate()]


class TestTroubleAtCommit:
    async def test_a_commit_that_fails_changes_nothing_and_leaves_the_others_alone(
        self, store: SqliteStore
    ) -> None:
        db = store._writer._db
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
        db.execute("CREATE TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED)")
        async with busy_writer(store):
            orphan = asyncio.create_task(
                store._writer.run(lambda db: db.count("INSERT INTO child VALUES (7)"))
            )
            await asyncio.sleep(0)
            append = asyncio.create_task(store.append(SHARD, 1, [credit("a")], NOW))
            await asyncio.sleep(0)
        with pytest.raises(StoreUnavailable, match="FOREIGN KEY"):
            await orphan
        assert await append == [Stored(1)]
        assert db.query("SELECT * FROM child") == []

    async def test_a_file_that_a_tool_has_locked_is_unavailable_meanwhile(
        self, store: SqliteStore, path: Path
    ) -> None:
        store._writer._db.execute("PRAGMA busy_timeout = 1")
        tool = sqlite3.connect(path, isolation_level=None)
        tool.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            await store.append(SHARD, 1, [credit("a")], NOW)
        tool.close()
        assert await store.append(SHARD, 1, [credit("a")], NOW) == [Stored(1)]


class TestRefusedEvents:
    @pytest.mark.parametrize(
        "bad",
        [tick("bad", version=2**63), credit("\ud800", body=b"{}")],
        ids=["too large", "surrogate"],
    )
    async def test_values_that_a_check_of_ours_missed_are_no_outage(
        self, store: SqliteStore, monkeypatch: pytest.MonkeyPatch, bad: Event
    ) -> None:
        monkeypatch.setattr(rules, "check", lambda _events: None)
        with pytest.raises(StoreRefused):
            await store.append(SHARD, 1, [credit("a"), bad], NOW)
        assert await store.append(SHARD, 1, [credit("a")], NOW) == [Stored(1)]


class TestFullDisk:
    async def test_nothing_changes_and_it_works_again_afterwards(self, store: SqliteStore) -> None:
        await store.append(SHARD, 1, [credit("before")], NOW)
        big = [credit(str(n), body=b'{"' + bytes(20_000)) for n in range(50)]
        with full_disk(store), pytest.raises(StoreUnavailable, match="full"):
            await store.append(SHARD, 1, [tick("t"), *big], NOW)
        page = await store.read(ALICE, after=0, limit=999, max_bytes=10**9)
        assert ([entry.event.id for entry in page.entries], page.head) == (["before"], 1)
        outcomes = await store.append(SHARD, 1, [tick("t"), *big], NOW)
        assert outcomes == [Stored(n) for n in range(2, 53)]

    async def test_every_call_of_its_group_gets_an_answer(self, store: SqliteStore) -> None:
        big = [credit(str(n), body=b'{"' + bytes(20_000)) for n in range(50)]
        async with asyncio.timeout(10):
            with full_disk(store):
                async with busy_writer(store):
                    waiting = [
                        asyncio.create_task(store.append(SHARD, 1, events, NOW))
                        for events in ([credit("small")], big, [credit("late")])
                    ]
                    await asyncio.sleep(0)
                answers = await asyncio.gather(*waiting, return_exceptions=True)
        assert isinstance(answers[1], StoreUnavailable)
        again = await store.append(SHARD, 1, [credit("small"), credit("late")], NOW)
        for answer, repeated in zip([answers[0], answers[2]], again, strict=True):
            stored = not isinstance(answer, StoreUnavailable)
            assert stored == isinstance(repeated, Duplicate), "refused means not stored"

    async def test_a_bad_event_is_found_before_anything_is_written(
        self, store: SqliteStore
    ) -> None:
        before = store.commits
        with pytest.raises(BadEvent):
            await store.append(SHARD, 1, [credit("a"), credit("\ud800", body=b"{}")], NOW)
        assert store.commits == before
