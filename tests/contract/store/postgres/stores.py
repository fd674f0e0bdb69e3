"""Stores in one PostgreSQL, as routers have them open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kull_router.errors import Fenced
from kull_router.queues.port import Retention
from kull_router.queues.sql import rows
from kull_router.queues.sql.db import Db
from kull_router.queues.sql.postgres import PostgresStore
from tests.support.holding import holding
from tests.support.stores import ALICE, NOW, SHARD, tick

AGES = 10**11  # ms, by which everything is too old


@asynccontextmanager
async def opened(url: str, retention: Retention | None = None) -> AsyncIterator[PostgresStore]:
    store = await PostgresStore.open(url, shard_count=16, retention=retention)
    try:
        yield store
    finally:
        await store.aclose()


@asynccontextmanager
async def held(store: PostgresStore, *events: str, term: int = 1) -> AsyncIterator[None]:
    """Keep the store's writer within a transaction that has appended these ticks."""

    def append(db: Db) -> None:
        ticks = [tick(event, version=9) for event in events]
        request = rows.Append(shard=SHARD, term=term, events=ticks, now_ms=NOW + AGES)
        (outcome,) = rows.append(db, [request], retention=Retention())
        if isinstance(outcome, Fenced):
            raise outcome

    async with holding(store._writer, append if events else lambda _db: None):
        yield


async def seqs_and_ids(store: PostgresStore) -> dict[int, str]:
    page = await store.read(ALICE, after=0, limit=10**6, max_bytes=10**9)
    return {entry.seq: entry.event.id for entry in page.entries}
