"""Group commit: what waits for the one connection that writes shares a transaction.

A commit costs a sync of the disk and a round of statements, whatever is in it. Requests of the same
kind share their statements as well.

A database in a file answers within microseconds, but its driver lets go of the interpreter at every
row: in a thread, each of them then waits for a busy event loop. So its short jobs run on the event
loop, and in a thread only what waits for a disk or a network: see `Writer`.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any, Final, TypeVar

import structlog

from kull_router.errors import StoreError, StoreUnavailable
from kull_router.queues.sql.db import Connection, DatabaseError, Refused
from kull_router.queues.sql.pace import Pace

log = structlog.get_logger(__name__)

T = TypeVar("T")
R = TypeVar("R")
# Seconds that a job waits for others, when the one before it had company and waiting is worth it:
# where a commit is a journey, or when it is of a device that connects among others.
LINGER: Final = 0.003
_MAX_WAITING: Final = 1024  # jobs; further callers wait for a place
_GROUP_JOBS: Final = 256
_GROUP_BYTES: Final = 4 * 2**20
_HERE_BYTES: Final = 256 * 2**10  # more of it would hold up the event loop
_TIDY_JOBS: Final = 1024
_CLOSED: Final = "the store is closed"


@dataclass(frozen=True, slots=True)
class _Job:
    many: Callable[[Connection, Sequence[Any]], Sequence[Any]]
    request: Any
    size: int  # bytes, roughly
    row: tuple[str, ...]
    slow: bool
    done: asyncio.Future[Any]


class Writer:
    """Runs jobs on a connection in the order of the calls, many to a transaction.

    Each job is all or nothing by itself: one that raises leaves the others of its group alone.
    It may be run again after a rollback. Those with a `row` come last and in its order.

    Where a database is local (`Connection.local`), short jobs run on the event loop, and so does
    their commit while the disk is quick. All else runs in a thread.

    Args:
        db: nobody else uses it.
        sleep: waits for seconds.
    """

    def __init__(
        self, db: Connection, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._db = db
        self._sleep = sleep
        self._places = asyncio.Semaphore(_MAX_WAITING)
        self._jobs: deque[_Job] = deque()
        self._wanted = asyncio.Event()
        self._closed = False
        self._pace = Pace()
        self._untidy = 0  # jobs
        self.commits = 0  # transactions committed so far
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kull-store-writer")
        self._working = asyncio.create_task(self._work(), name="kull-store-writer")

    async def run(
        self,
        job: Callable[[Connection], T],
        *,
        size: int = 0,
        row: tuple[str, ...] = (),
        slow: bool = False,
    ) -> T:
        """Run a job and return its result once it is durable.

        row: the device whose row it writes, which another router may be writing as well.
        slow: it takes longer than the event loop can wait.

        Cancelling is safe and leaves it open whether the job was done. Raises what the job
        raises, and StoreUnavailable; then nothing was changed, unless the connection was lost.
        """
        result: T = await self._take(_one_by_one, job, size, row, slow)
        return result

    async def run_together(
        self,
        many: Callable[[Connection, Sequence[R]], Sequence[T | Exception]],
        request: R,
        *,
        size: int = 0,
        row: tuple[str, ...] = (),
    ) -> T:
        """Do the same for a request, in one call with others of its kind that wait beside it.

        many: returns a result for each request, or the exception that its caller gets.
        """
        result: T = await self._take(many, request, size, row, False)
        return result

    async def _take(
        self,
        many: Callable[[Connection, Sequence[Any]], Sequence[Any]],
        request: object,
        size: int,
        row: tuple[str, ...],
        slow: bool,
    ) -> Any:
        await self._places.acquire()
        if self._closed:
            self._places.release()
            raise StoreUnavailable(_CLOSED)
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._jobs.append(_Job(many, request, size, row, slow, done))
        self._wanted.set()
        return await done

    async def aclose(self) -> None:
        """Finish the jobs that wait, and close the connection. Idempotent."""
        self._closed = True
        self._wanted.set()
        await asyncio.shield(self._working)

    async def _work(self) -> None:
        group: list[_Job] = []
        # A job that comes alone would wait for nobody.
        while group := await self._next_group(linger=len(group) > 1):
            # Two routers that lock rows in the same order never wait for each other.
            group.sort(key=lambda job: job.row)
            self._resolve(group, await self._run_group(group))
            self._untidy += len(group)
            if self._untidy >= _TIDY_JOBS:
                await self._tidy()
        await self._in_thread(self._db.close)
        self._thread.shutdown(wait=False)

    async def _next_group(self, *, linger: bool) -> list[_Job]:
        """Wait for a job and for its company; none: that was the end."""
        while not self._jobs:
            if self._closed:
                return []
            self._wanted.clear()
            await self._wanted.wait()
        if linger and (self._jobs[0].row or not self._db.local):
            await self._sleep(LINGER)
        group = [self._jobs.popleft()]
        size = group[0].size
        while self._jobs and self._jobs[0].slow is group[0].slow:
            if len(group) >= _GROUP_JOBS or size >= _GROUP_BYTES:
                break
            group.append(self._jobs.popleft())
            size += group[-1].size
        return group

    async def _run_group(self, group: list[_Job]) -> list[Any]:
        """Run the jobs in one transaction; return a result or an exception for each."""
        here = self._db.local and not group[0].slow
        if here and sum(job.size for job in group) <= _HERE_BYTES:
            return await self._attempt(group, self._run_here)
        return await self._attempt(group, partial(self._in_thread, self._transact))

    async def _attempt(
        self, group: list[_Job], run: Callable[[list[_Job]], Awaitable[list[Any]]]
    ) -> list[Any]:
        try:
            outcomes = await run(group)
        except _NotBegun as error:
            return self._refused(group, error.why)
        except Exception as error:  # whatever it was, the writer must live on
            if not await self._in_thread(self._roll_back) or len(group) == 1:
                return self._refused(group, error)
            # One of them is at fault. The others must not suffer from it.
            half = len(group) // 2
            return await self._attempt(group[:half], run) + await self._attempt(group[half:], run)
        self.commits += 1
        return outcomes

    async def _run_here(self, group: list[_Job]) -> list[Any]:
        outcomes = self._statements(group)
        if self._pace.is_quick():
            began = time.perf_counter()
            self._db.commit()
            self._pace.took(time.perf_counter() - began)
        else:
            await self._in_thread(self._db.commit)
        return outcomes

    def _transact(self, group: list[_Job]) -> list[Any]:
        outcomes = self._statements(group)
        self._db.commit()
        return outcomes

    def _statements(self, group: list[_Job]) -> list[Any]:
        try:
            self._db.begin()
        except Exception as error:
            raise _NotBegun(error) from error
        return [
            outcome
            for many, jobs in groupby(group, key=lambda job: job.many)
            for outcome in many(self._db, [job.request for job in jobs])
        ]

    async def _tidy(self) -> None:
        self._untidy = 0
        try:
            await self._in_thread(self._db.tidy)
        except Exception as error:
            log.warning("store_not_tidied", why=repr(error))

    async def _in_thread(self, call: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *args)

    def _roll_back(self) -> bool:
        try:
            return self._db.rollback()
        except DatabaseError as error:
            log.error("store_rollback_failed", why=str(error))
            return False

    def _refused(self, group: list[_Job], error: Exception) -> list[Exception]:
        if not isinstance(error, StoreError):
            log.warning("store_commit_failed", jobs=len(group), why=repr(error))
        if not isinstance(error, DatabaseError):
            return [error] * len(group)
        if isinstance(error, Refused) and len(group) > 1:
            error = DatabaseError(str(error))  # nobody knows whose values it speaks of
        unavailable = StoreUnavailable(f"the database refused: {error}")
        unavailable.__cause__ = error
        return [unavailable] * len(group)

    def _resolve(self, group: list[_Job], outcomes: list[Any]) -> None:
        for job, outcome in zip(group, outcomes, strict=True):
            self._places.release()
            if job.done.done():
                continue  # its caller was cancelled
            if isinstance(outcome, Exception):
                job.done.set_exception(outcome)
            else:
                job.done.set_result(outcome)


class _NotBegun(Exception):
    """No transaction was begun, so that nobody's job is at fault."""

    def __init__(self, why: Exception) -> None:
        super().__init__(str(why))
        self.why = why


def _one_by_one(db: Connection, jobs: Sequence[Callable[[Connection], T]]) -> list[T | Exception]:
    return [job(db) for job in jobs]
