"""A router that is stopped within a transaction: run by the tests of the PostgreSQL store."""

from __future__ import annotations

import asyncio
import sys

from kull_router.errors import StoreError
from kull_router.queues.port import Retention
from kull_router.queues.sql import rows, terms
from kull_router.queues.sql.db import Db
from kull_router.queues.sql.postgres import PostgresStore
from tests.support.stores import NOW, SHARD, credit


def append_slowly(db: Db) -> None:
    """Hold the shard's row until the parent, which stops this process meanwhile, says a line."""
    assert terms.fenced(db, [(SHARD, 1)]) == [None]
    sys.stdout.write("within\n")
    sys.stdout.flush()
    sys.stdin.readline()
    request = rows.Append(shard=SHARD, term=1, events=[credit("a")], now_ms=NOW)
    rows.append(db, [request], retention=Retention())


async def main() -> None:
    """Append, and say what came of it."""
    store = await PostgresStore.open(sys.argv[1], shard_count=16)
    try:
        await store._writer.run(append_slowly)
    except StoreError:
        sys.stdout.write("nothing was stored\n")
    else:
        sys.stdout.write("stored\n")
    sys.stdout.flush()
    await store.aclose()


if __name__ == "__main__":
    asyncio.run(main())
