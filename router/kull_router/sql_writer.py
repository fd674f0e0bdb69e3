"""Group commit: one thread that writes, and commits everything that waits at once.

A commit costs a sync of the disk, whatever is in it. While one runs, further jobs pile up; they
share the next one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

import structlog

from kull_router.errors import StoreUnavailable
from kull_router.sql import Connection, DatabaseError

log = structlog.get_logger(__name__)

T = TypeVar("T")
_MAX_WAITING: Final = 1024  # jobs; further callers wait for a place
_GROUP_JOBS: Final = 256
_GROUP_BYTES: Final = 4 * 2**20
_CLOSED: Final = "the store is closed"


@dataclass(frozen=True, slots=True)
class _Job:
    run: Callable[[Connection], Any]
    size: int  # bytes, roughly
    done: asyncio.Future[Any]


class Writer:
    """Runs jobs on a connection in the order of the calls, many to a transaction.

    Each job is all or nothing by itself: one that raises leaves the others of its group alone.
    """

    def __init__(self, db: Connection) -> None:
        self._db = db
        self._loop = asyncio.get_running_loop()
        self._places = asyncio.Semaphore(_MAX_WAITING)
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed = False
        self._ended = self._loop.create_future()
        self.commits = 0  # transactions committed so far
        # A daemon: a process that ends without closing must not hang; databases recover.
        self._thread = threading.Thread(target=self._work, name="kull-store-writer", daemon=True)
        self._thread.start()

    async def run(self, job: Callable[[Connection], T], *, size: int = 0) -> T:
        """Run a job in the writer's thread and return its result once it is durable.

        Cancelling is safe and leaves it open whether the job was done. Raises what the job
        raises, and StoreUnavailable; then nothing was changed.
        """
        await self._places.acquire()
        if self._closed:
            self._places.release()
            raise StoreUnavailable(_CLOSED)
        done: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put(_Job(job, size, done))
        return await done

    async def aclose(self) -> None:
        """Finish the jobs that wait, and end the thread. Idempotent."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
        await asyncio.shield(self._ended)

    def _work(self) -> None:
        more = True
        while more:
            group, more = self._next_group()
            outcomes = self._run_group(group) if group else []
            self._tell(self._resolve, group, outcomes)
        self._db.close()
        self._tell(self._ended.set_result, None)

    def _tell(self, callback: Callable[..., object], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *args)
        except RuntimeError:
            log.warning("store_not_closed", hint="the event loop ended before Store.aclose()")

    def _next_group(self) -> tuple[list[_Job], bool]:
        """Wait for a job and take along what waits behind it; False when that was the end."""
        job = self._jobs.get()
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
        try:
            self._db.begin()
            outcomes = [self._run_one(job) for job in group]
            self._db.commit()
        except Exception as error:  # whatever it was, this thread must live on
            log.warning("store_commit_failed", jobs=len(group), why=repr(error))
            self._roll_back()
            return [_unavailable(error) for _ in group]
        self.commits += 1
        return outcomes

    def _run_one(self, job: _Job) -> Any:
        self._db.execute("SAVEPOINT job")
        try:
            outcome = job.run(self._db)
        except Exception as error:
            if not self._db.in_transaction:
                raise  # everything was rolled back: the whole group failed
            self._db.execute("ROLLBACK TO job")
            outcome = _unavailable(error) if isinstance(error, DatabaseError) else error
        self._db.execute("RELEASE job")
        return outcome

    def _roll_back(self) -> None:
        try:
            self._db.rollback()
        except DatabaseError as error:
            log.error("store_rollback_failed", why=str(error))

    def _resolve(self, group: list[_Job], outcomes: list[Any]) -> None:
        for job, outcome in zip(group, outcomes, strict=True):
            self._places.release()
            if job.done.done():
                continue  # its caller was cancelled
            if isinstance(outcome, Exception):
                job.done.set_exception(outcome)
            else:
                job.done.set_result(outcome)


def _unavailable(error: Exception) -> StoreUnavailable:
    unavailable = StoreUnavailable(f"the database refused: {error}")
    unavailable.__cause__ = error
    return unavailable
