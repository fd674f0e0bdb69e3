"""Reads of the log for sessions that catch up; identical ones are made once."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from kull_router.queues.port import Page, Store


class Wanted(NamedTuple):
    """The arguments of `Store.read`."""

    address: str
    after: int
    limit: int
    max_bytes: int
    initial_head: int


class SharedReads:
    """After a mass reconnect every device asks the same of `all`, and so do a user's devices."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._running: dict[Wanted, asyncio.Future[Page | None]] = {}

    async def read(self, wanted: Wanted) -> Page:
        """Return a page. It may have been read for somebody who asked a moment before.

        Raises like `Store.read`. Cancelling one caller leaves the others alone.
        """
        while running := self._running.get(wanted):
            page = await asyncio.shield(running)
            if page is not None:
                return page
        return await self._lead(wanted)

    async def _lead(self, wanted: Wanted) -> Page:
        page = None
        running = self._running[wanted] = asyncio.get_running_loop().create_future()
        try:
            page = await self._store.read(
                wanted.address,
                after=wanted.after,
                limit=wanted.limit,
                max_bytes=wanted.max_bytes,
                initial_head=wanted.initial_head,
            )
            return page
        finally:
            # None: this caller was cancelled, or failed; one of the others tries for itself.
            del self._running[wanted]
            running.set_result(page)
