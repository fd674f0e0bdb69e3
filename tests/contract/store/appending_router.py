"""A process that appends until it is killed, and prints `seq:id` of what was acknowledged.

Its argument is a file of SQLite or the URL of a PostgreSQL database. When another router has taken
its shard, it prints `fenced` and ends.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import structlog

from kull_router.errors import Fenced, StoreUnavailable
from kull_router.queues.port import Duplicate, Retention, Store, Stored
from kull_router.queues.sql.postgres import PostgresStore
from kull_router.queues.sql.sqlite import SqliteStore
from tests.support.stores import NOW, SHARD, credit


async def main() -> None:
    """Append from several tasks at once, so that commits are grouped."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    retention = Retention(every_entries=10**9)
    where = sys.argv[1]
    store: Store
    if "://" in where:
        store = await PostgresStore.open(where, shard_count=16, retention=retention)
    else:
        store = await SqliteStore.open(Path(where), shard_count=16, retention=retention)
    term = await store.claim(SHARD, "child")

    async def feed(task: int) -> None:
        number = 0
        while True:
            ids = [f"{task}-{number}-{part}" for part in range(3)]
            try:
                outcomes = await store.append(SHARD, term, [credit(one) for one in ids], NOW)
            except StoreUnavailable:
                continue  # the database has ended a transaction that was open for too long
            for event_id, outcome in zip(ids, outcomes, strict=True):
                # A commit whose answer was lost is a duplicate the next time.
                assert isinstance(outcome, Stored | Duplicate)
                if isinstance(outcome, Stored):
                    sys.stdout.write(f"{outcome.seq}:{event_id}\n")
            sys.stdout.flush()
            number += 1

    try:
        async with asyncio.TaskGroup() as group:
            for task in range(8):
                group.create_task(feed(task), name=f"feed-{task}")
    except* Fenced:
        sys.stdout.write("fenced\n")
        sys.stdout.flush()
    await store.aclose()


if __name__ == "__main__":
    asyncio.run(main())
