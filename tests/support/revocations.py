"""Many revocations at once, and what a look for new ones costs a database."""

from __future__ import annotations

import asyncio
import re

import psycopg

from kull_router.queues.sql.revocations import NEWS
from tests.support.store_tables import PostgresTables, Tables

_LIMIT = 10  # seconds


def many_revocations(tables: Tables, count: int, *, until_ms: int) -> str:
    """Return a statement that writes so many, as log-outs of single tokens."""
    n = f"generate_series(1, {count}) AS s (n)"
    if not isinstance(tables, PostgresTables):
        n = f"(WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s LIMIT {count}) "
        n += "SELECT n FROM s)"
    return (
        "INSERT INTO revocations (user_id, device_id, token_id, issued_before_ms, until_ms) "
        f"SELECT 'u' || n, '', 'token-' || n, 0, {until_ms} FROM {n}"
    )


def looked_at(tables: Tables, after: int) -> int:
    """Return how many pages PostgreSQL reads to find nothing new, or SQLite scans at all."""
    sql = NEWS.replace("number > ?", f"number > {after}").replace("LIMIT ?", "LIMIT 1000")
    if isinstance(tables, PostgresTables):
        lines = [line for (line,) in tables.query(f"EXPLAIN (ANALYZE, BUFFERS) {sql}")]
        execution = "\n".join(lines).partition("Planning:")[0]
        found = [int(pages) for pages in re.findall(r"(?:hit|read)=(\d+)", execution)]
        assert found, lines
        return max(found)
    plan = tables.query(f"EXPLAIN QUERY PLAN {sql}")
    assert [detail for *_, detail in plan] == [
        "SEARCH revocations USING INTEGER PRIMARY KEY (rowid>?)"
    ]
    return len(tables.query(sql))


async def until_waiting(url: str) -> None:
    """Wait until a statement of a router waits for somebody's lock. Raises TimeoutError."""
    async with asyncio.timeout(_LIMIT):
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as db:
            while True:
                found = await db.execute(
                    "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                    "AND datname = current_database()"
                )
                if await found.fetchone():
                    return
                await asyncio.sleep(0.01)
