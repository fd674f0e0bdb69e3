"""A store that is closed has finished what it was asked."""

from __future__ import annotations

import asyncio

import pytest

from kull_router.errors import StoreUnavailable
from kull_router.queues.port import (
    Store,
    Stored,
)
from tests.support.stores import (
    Disk,
    credit,
    opened,
    page,
    put,
    seqs,
)


class TestClose:
    async def test_it_is_idempotent_and_later_calls_are_refused(self, store: Store) -> None:
        await store.aclose()
        await store.aclose()
        with pytest.raises(StoreUnavailable, match="closed"):
            await put(store, credit("a"))
        with pytest.raises(StoreUnavailable, match="closed"):
            await page(store)

    async def test_running_calls_are_finished(self, disk: Disk, store: Store) -> None:
        running = [asyncio.create_task(put(store, credit(str(n)))) for n in range(50)]
        await asyncio.sleep(0)  # each has begun
        await store.aclose()
        assert [[Stored(n + 1)] for n in range(50)] == await asyncio.gather(*running)
        async with opened(disk) as again:
            assert len(await seqs(again)) == 50

    async def test_a_cancelled_append_is_whole_or_absent(self, store: Store) -> None:
        tasks = [
            asyncio.create_task(put(store, credit(f"{n}a"), credit(f"{n}b"))) for n in range(20)
        ]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await put(store, credit("end"))
        ids = [entry.event.id for entry in (await page(store)).entries]
        assert all((f"{n}a" in ids) == (f"{n}b" in ids) for n in range(20))
        assert {f"{n}a" for n in range(1, 20, 2)} <= set(ids)
