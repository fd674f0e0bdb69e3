"""Group commit: one thread that writes, and commits everything that waits at once.

A commit costs a sync of the disk and a round of statements, whatever is in it. While one runs, and
under load for a moment before it, further jobs pile up; they share it. Requests of the same kind
share their statements as well.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

import structlog

from kull_router.errors import StoreError, StoreUnavailable
from kull_router.measures.store import StoreMeasures
from kull_router.queues.sql.db import Connection, DatabaseError, Refused

log = structlog.get_logger(__name__)

T = TypeVar("T")
R = TypeVar("R")
LINGER: Final = 0.003  # seconds that a job waits for others, when the one before it had company
_MAX_WAITING: Final = 1024  # jobs; further callers wait for a place
_GROUP_JOBS: Final = 256
_GROUP_BYTES: Final = 4 * 2**20
_CLOSED: Final = "the store is closed"


@dataclass(frozen=True, slots=True)
class _Job:
    many: Callable[[Connection, Sequence[Any]], Sequence[Any]]
    request: Any
    size: int  # bytes, roughly
    row: tuple[str, ...]
    done: asyncio.Future[Any]


class Writer:
    """Runs jobs on a connection in the order of the calls, many to a transaction.

    Each job is all or nothing by itself: one that raises leaves the others of its group alone.
    It may be run again after a rollback. Those with a `row` come last and in its order.

    Args:
        db: nobody else uses it.
        sleep: waits in the writer's thread, for seconds.
        measures: where commits are counted.
    """

    def __init__(
        self,
        db: Connection,
        *,
        sleep: Callable[[float], None] = time.sleep,
        measures: StoreMeasures | None = None,
    ) -> None:
        self._db = db
        self._measures = measures or StoreMeasures()
        self._sleep = sleep
        self._loop = asyncio.get_running_loop()
        self._places = asyncio.Semaphore(_MAX_WAITING)
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed = False
        self._ended = self._loop.create_future()
        self.commits = 0  # transactions committed so far
        # A daemon: a process that ends without closing must not hang; databases recover.
        self._thread = threading.Thread(target=self._work, name="kull-store-writer", daemon=True)
        self._thread.start()

    async def run(
        self, job: Callable[[Connection], T], *, size: int = 0, row: tuple[str, ...] = ()
    ) -> T:
        """Run a job in the writer's thread and return its result once it is durable.

        row: the device whose row it writes, which another router may be writing as well.
        Cancelling is safe and leaves it open whether the job was done. Raises what the job
        raises, and StoreUnavailable; then nothing was changed, unless the connection was lost.
        """
        return await self.run_together(_one_by_one, job, size=size, row=row)

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
        await self._places.acquire()
        if self._closed:
            self._places.release()
            raise StoreUnavailable(_CLOSED)
        done: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put(_Job(many, request, size, row, done))
        return await done

    async def aclose(self) -> None:
        """Finish the jobs that wait, and end the thread. Idempotent."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
        await asyncio.shield(self._ended)

    def _work(self) -> None:
        group: list[_Job] = []
        more = True
        while more:
            # A job that comes alone would wait for nobody.
            group, more = self._next_group(linger=len(group) > 1)
            # Two routers that lock rows in the same order never wait for each other.
            group.sort(key=lambda job: job.row)
            outcomes = self._run_group(group) if group else []
            self._tell(self._resolve, group, outcomes)
        self._db.close()
        self._tell(self._ended.set_result, None)

    def _tell(self, callback: Callable[..., object], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *args)
        except RuntimeError:
            log.warning("store_not_closed", hint="the event loop ended before Store.aclose()")

    def _next_group(self, *, linger: bool) -> tuple[list[_Job], bool]:
        """Wait for a job and for its company; False when that was the end."""
        job = self._jobs.get()
        if job is not None and linger:
            self._sleep(LINGER)
        group: list[_Job] = []
        size = 0
        while job is not None:
            group.append(job)
            size += job.size
            if len(group) >= _GROUP_JOBS or size >= _GROUP_BYTES:
                return group, True
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return group, True
        return group, False

    def _run_group(self, group: list[_Job]) -> list[Any]:
        """Run the jobs in one transaction; return a result or an exception for each."""
        began = time.perf_counter()
        try:
            self._db.begin()
        except Exception as error:  # whatever it was, this thread must live on
            return self._refused(group, error)
        try:
            outcomes = [
                outcome
                for many, jobs in groupby(group, key=lambda job: job.many)
                for outcome in many(self._db, [job.request for job in jobs])
            ]
            self._db.commit()
        except Exception as error:
            if not self._roll_back() or len(group) == 1:
                return self._refused(group, error)
            # One of them is at fault. The others must not suffer from it.
            half = len(group) // 2
            return self._run_group(group[:half]) + self._run_group(group[half:])
        self.commits += 1
        size = sum(job.size for job in group)
        self._measures.commit(time.perf_counter() - began, len(group), size)
        return outcomes

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


def _one_by_one(db: Connection, jobs: Sequence[Callable[[Connection], T]]) -> list[T | Exception]:
    return [job(db) for job in jobs]
