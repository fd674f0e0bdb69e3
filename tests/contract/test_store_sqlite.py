"""What the SQLite store promises beyond the contract: durability, grouping, and honest refusals."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from kull_router.errors import (
    BadEvent,
    ConfigError,
    Fenced,
    ShardCountMismatch,
    StoreLocked,
    StoreUnavailable,
)
from kull_router.queues.port import DeviceInfo, Duplicate, Retention, Stored
from kull_router.queues.sql import schema
from kull_router.queues.sql.db import Db
from kull_router.queues.sql.sqlite import SqliteLocation, SqliteStore
from tests.support.holding import holding
from tests.support.processes import Processes
from tests.support.stores import ALICE, NOW, SHARD, credit, tick

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "kull.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(path, shard_count=16)
    await store.claim(SHARD, "router-1")
    yield store
    await store.aclose()


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


def renew_epoch(path: Path) -> str:
    with SqliteLocation(path).connected(alone=True) as db:
        return schema.renew_epoch(db)


class TestDurability:
    async def test_the_disk_is_synced_at_every_commit(self, store: SqliteStore) -> None:
        db = store._writer._db
        assert db.query("PRAGMA journal_mode") == [("wal",)]
        assert db.query("PRAGMA synchronous") == [(2,)]

    async def test_a_killed_process_loses_nothing_that_was_acknowledged(
        self, path: Path, async_processes: Processes
    ) -> None:
        child = await async_processes.start_async(
            sys.executable,
            *("-m", "tests.contract.appending_router", str(path)),
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
        )
        assert child.stdout is not None
        acknowledged: list[str] = []
        async with asyncio.timeout(30):
            while len(acknowledged) < 200:
                acknowledged.append((await child.stdout.readline()).decode().strip())
            child.kill()
            # Lines that were cut off by the kill were never acknowledged to anybody.
            rest = (await child.stdout.read()).decode().rpartition("\n")[0]
            await child.wait()
        acknowledged += rest.split()
        assert all(acknowledged)

        store = await SqliteStore.open(path, shard_count=16)
        page = await store.read(ALICE, after=0, limit=10**6, max_bytes=10**9)
        await store.aclose()
        stored = {f"{entry.seq}:{entry.event.id}" for entry in page.entries}
        assert set(acknowledged) <= stored
        assert [entry.seq for entry in page.entries] == list(range(1, page.head + 1))

    async def test_a_transaction_left_open_by_a_dead_process_is_gone(self, path: Path) -> None:
        store = await SqliteStore.open(path, shard_count=16)
        await store.claim(SHARD, "r")
        await store.append(SHARD, 1, [credit("a")], NOW)
        await store.aclose()
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("BEGIN")
        db.execute("DELETE FROM every")
        db.close()
        again = await SqliteStore.open(path, shard_count=16)
        assert len((await again.read(ALICE, after=0, limit=9, max_bytes=999)).entries) == 1
        await again.aclose()


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


class TestOpening:
    async def test_a_second_store_on_the_file_is_refused(
        self, store: SqliteStore, path: Path
    ) -> None:
        with pytest.raises(StoreLocked, match=rf"process {os.getpid()}\)") as caught:
            await SqliteStore.open(path, shard_count=16)
        assert "KULL_DATA" in str(caught.value)
        await store.aclose()
        await (await SqliteStore.open(path, shard_count=16)).aclose()

    async def test_a_failed_opening_leaves_the_file_free(self, path: Path) -> None:
        await (await SqliteStore.open(path, shard_count=16)).aclose()
        for _ in range(2):
            with pytest.raises(ShardCountMismatch):
                await SqliteStore.open(path, shard_count=8)
        await (await SqliteStore.open(path, shard_count=16)).aclose()

    async def test_a_file_of_something_else_is_refused(self, tmp_path: Path) -> None:
        text, other = tmp_path / "text.db", tmp_path / "other.db"
        text.write_text("not a database, but longer than a header of one hundred bytes " * 9)
        with pytest.raises(StoreUnavailable, match=r"text\.db cannot be opened: .*not a database"):
            await SqliteStore.open(text, shard_count=16)
        db = sqlite3.connect(other)
        db.execute("CREATE TABLE mine (a)")
        db.close()
        with pytest.raises(ConfigError, match="something else"):
            await SqliteStore.open(other, shard_count=16)

    async def test_a_newer_schema_is_refused(self, path: Path) -> None:
        await (await SqliteStore.open(path, shard_count=16)).aclose()
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("INSERT INTO store_migrations VALUES (99, 'far_ahead')")
        db.close()
        with pytest.raises(ConfigError, match="schema 99"):
            await SqliteStore.open(path, shard_count=16)

    async def test_a_folder_that_cannot_be_made_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StoreUnavailable, match=r"file/kull\.db cannot be opened"):
            await SqliteStore.open(tmp_path / "file" / "kull.db", shard_count=16)

    async def test_epochs_of_two_stores_differ(self, store: SqliteStore, tmp_path: Path) -> None:
        other = await SqliteStore.open(tmp_path / "other.db", shard_count=16)
        await other.aclose()
        assert store.epoch != other.epoch

    async def test_a_restored_store_can_be_given_a_new_epoch(
        self, store: SqliteStore, path: Path
    ) -> None:
        with pytest.raises(StoreLocked):
            renew_epoch(path)
        await store.append(SHARD, 1, [credit("a")], NOW)
        await store.aclose()
        epoch = renew_epoch(path)
        again = await SqliteStore.open(path, shard_count=16)
        await again.aclose()
        assert again.epoch == epoch != store.epoch
        with pytest.raises(StoreUnavailable, match="no store at"):
            renew_epoch(path.with_name("missing.db"))


async def test_trimming_goes_in_steps_between_which_others_write(path: Path) -> None:
    store = await SqliteStore.open(path, shard_count=16, retention=Retention(every_entries=10**6))
    await store.claim(SHARD, "r")
    events = [credit(str(n), address=f"user:{n % 500}") for n in range(12_000)]
    await store.append(SHARD, 1, events, NOW)
    before = store.commits
    assert await store.trim(NOW + 10**11) == 24_000
    assert store.commits - before > 500 / 20 + 12_000 / 2_000
    await store.aclose()
