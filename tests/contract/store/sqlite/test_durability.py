"""What the SQLite store promises beyond the contract: durability, and honest refusals."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from pathlib import Path

from kull_router.queues.port import Retention
from kull_router.queues.sql.sqlite import SqliteStore
from tests.support.processes import Processes
from tests.support.stores import ALICE, NOW, SHARD, credit

ROOT = Path(__file__).parents[4]


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
            *("-m", "tests.contract.store.appending_router", str(path)),
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


async def test_trimming_goes_in_steps_between_which_others_write(path: Path) -> None:
    store = await SqliteStore.open(path, shard_count=16, retention=Retention(every_entries=10**6))
    await store.claim(SHARD, "r")
    events = [credit(str(n), address=f"user:{n % 500}") for n in range(12_000)]
    await store.append(SHARD, 1, events, NOW)
    before = store.commits
    assert await store.trim(NOW + 10**11) == 24_000
    assert store.commits - before > 500 / 20 + 12_000 / 2_000
    await store.aclose()
