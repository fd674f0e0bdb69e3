"""A process that appends until it is killed, and prints `seq:id` of what was acknowledged."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from kull_router.store import Retention, Stored
from kull_router.store_sqlite import SqliteStore
from tests.support.stores import NOW, SHARD, credit


async def main() -> None:
    """Append from several tasks at once, so that commits are grouped."""
    retention = Retention(every_entries=10**9)
    store = await SqliteStore.open(Path(sys.argv[1]), shard_count=16, retention=retention)
    term = await store.claim(SHARD, "child")

    async def feed(task: int) -> None:
        number = 0
        while True:
            ids = [f"{task}-{number}-{part}" for part in range(3)]
            outcomes = await store.append(SHARD, term, [credit(one) for one in ids], NOW)
            for event_id, outcome in zip(ids, outcomes, strict=True):
                assert isinstance(outcome, Stored)
                sys.stdout.write(f"{outcome.seq}:{event_id}\n")
            sys.stdout.flush()
            number += 1

    async with asyncio.TaskGroup() as group:
        for task in range(8):
            group.create_task(feed(task), name=f"feed-{task}")


if __name__ == "__main__":
    asyncio.run(main())
