"""Identical reads of the log are made once, and nobody depends on who asked first."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from kull_router.errors import StoreUnavailable
from kull_router.queues.port import Page, Store
from kull_router.sessions.shared_reads import SharedReads, Wanted

ALL = Wanted("all", after=3, limit=10, max_bytes=1000, initial_head=0)
PAGE = Page(entries=[], through=7, head=7)


class SlowStore:
    """Answers when told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.answers: asyncio.Queue[Page | StoreUnavailable] = asyncio.Queue()

    async def read(self, address: str, *, after: int, **_: Any) -> Page:
        self.asked.append((address, after))
        answer = await self.answers.get()
        if isinstance(answer, StoreUnavailable):
            raise answer
        return answer


@pytest.fixture
def store() -> SlowStore:
    return SlowStore()


@pytest.fixture
def reads(store: SlowStore) -> SharedReads:
    return SharedReads(cast(Store, store))


async def begun(reads: SharedReads, *wanted: Wanted) -> list[asyncio.Task[Page]]:
    tasks = [asyncio.create_task(reads.read(each), name="read") for each in wanted]
    await asyncio.sleep(0)
    return tasks


async def test_who_wants_the_same_at_the_same_time_shares_one_read(
    reads: SharedReads, store: SlowStore
) -> None:
    tasks = await begun(reads, ALL, ALL, ALL._replace(after=5), ALL)
    for _ in range(2):
        store.answers.put_nowait(PAGE)

    assert await asyncio.gather(*tasks) == [PAGE] * 4
    assert store.asked == [("all", 3), ("all", 5)]


async def test_who_comes_later_reads_anew(reads: SharedReads, store: SlowStore) -> None:
    for _ in range(2):
        store.answers.put_nowait(PAGE)
        await reads.read(ALL)

    assert len(store.asked) == 2


async def test_when_the_first_is_cancelled_another_one_reads(
    reads: SharedReads, store: SlowStore
) -> None:
    first, *others = await begun(reads, ALL, ALL, ALL)
    first.cancel()
    await asyncio.wait({first})
    store.answers.put_nowait(PAGE)

    assert await asyncio.gather(*others) == [PAGE, PAGE]
    assert len(store.asked) == 2


async def test_a_cancelled_follower_takes_nobody_along(
    reads: SharedReads, store: SlowStore
) -> None:
    first, follower, other = await begun(reads, ALL, ALL, ALL)
    follower.cancel()
    await asyncio.wait({follower})
    store.answers.put_nowait(PAGE)

    assert list(await asyncio.gather(first, other)) == [PAGE, PAGE]


async def test_a_store_that_fails_fails_each_for_itself(
    reads: SharedReads, store: SlowStore
) -> None:
    tasks = await begun(reads, ALL, ALL)
    store.answers.put_nowait(StoreUnavailable("away"))
    store.answers.put_nowait(PAGE)

    with pytest.raises(StoreUnavailable):
        await tasks[0]
    assert await tasks[1] == PAGE
