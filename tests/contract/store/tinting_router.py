"""Stores what a copy of the router keeps of an event beside the rest: run by the migrations' tests.

Its argument is a file of SQLite or the URL of a PostgreSQL database. Prints `id:tint` of each.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog

from kull_router.queues.sql.postgres import PostgresStore
from kull_router.queues.sql.sqlite import SqliteStore
from tests.support.stores import ALICE, NOW, SHARD, credit, tick


async def main() -> None:
    """Append an event of each contract, and read the queue."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    where = sys.argv[1]
    store: Any
    if "://" in where:
        store = await PostgresStore.open(where, shard_count=16)
    else:
        store = await SqliteStore.open(Path(where), shard_count=16)
    term = await store.claim(SHARD, "r")
    tinted: list[Any] = [
        replace(credit("new"), tint="red"),  # type: ignore[call-arg]
        replace(tick("tick", "shoot:9"), tint="green"),  # type: ignore[call-arg]
    ]
    await store.append(SHARD, term, tinted, NOW)
    page = await store.read(ALICE, after=0, limit=99, max_bytes=10**6)
    for entry in page.entries:
        sys.stdout.write(f"{entry.event.id}:{entry.event.tint}\n")
    await store.aclose()


if __name__ == "__main__":
    asyncio.run(main())
