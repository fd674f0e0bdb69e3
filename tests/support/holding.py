"""Keeps a writer busy, so that what comes meanwhile piles up behind it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from kull_router.queues.sql.db import Db
from kull_router.queues.sql.group_commit import Writer


@asynccontextmanager
async def holding(writer: Writer, job: Callable[[Db], object]) -> AsyncIterator[None]:
    """Keep the writer's thread within one transaction, behind a job, until the block ends."""
    begun, go_on = threading.Event(), threading.Event()

    def hold(db: Db) -> None:
        job(db)
        begun.set()
        assert go_on.wait(20)

    held = asyncio.create_task(writer.run(hold))
    assert await asyncio.to_thread(begun.wait, 20)
    try:
        yield
    finally:
        go_on.set()
        await held
