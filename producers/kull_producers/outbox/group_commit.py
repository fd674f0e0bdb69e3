"""Group commit: the one thread that uses the outbox's connection.

A commit costs a sync of the disk, whatever is in it. While one runs, further jobs pile up; they
share the next one.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

from kull_producers.errors import OutboxError

log = logging.getLogger(__name__)

T = TypeVar("T")
_GROUP_JOBS: Final = 256


@dataclass(frozen=True, slots=True)
class _Job:
    run: Callable[[sqlite3.Connection], Any]
    done: asyncio.Future[Any]


class OutboxWriter:
    """Runs jobs in the order of the calls, many to a transaction, each all or nothing by itself.

    The callers bound how much waits. A job may be run again after a rollback.

    Args:
        db: in autocommit mode; owned and closed by the writer.
        explain: turns an error of SQLite into ours.
    """

    def __init__(
        self, db: sqlite3.Connection, explain: Callable[[sqlite3.Error], OutboxError]
    ) -> None:
        self._db = db
        self._explain = explain
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed = False
        self._ended = self._loop.create_future()
        self.commits = 0  # transactions committed so far
        # A daemon: a process that ends without closing must not hang; the file recovers.
        self._thread = threading.Thread(target=self._work, name="kull-outbox-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Queue a job at once and return the future of its result, which comes once it is durable.

        The future fails with an OutboxError; then nothing was changed.
        """
        done: asyncio.Future[T] = self._loop.create_future()
        if self._closed:
            done.set_exception(OutboxError("the outbox is closed"))
        else:
            self._jobs.put(_Job(job, done))
        return done

    async def aclose(self) -> None:
        """Finish the jobs that wait, close the file, and end the thread. Idempotent."""
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
            log.warning("the event loop ended before the outbox was closed; its file is intact")

    def _next_group(self) -> tuple[list[_Job], bool]:
        """Wait for a job and take along what waits behind it; False when that was the end."""
        job = self._jobs.get()
        group: list[_Job] = []
        while job is not None:
            group.append(job)
            if len(group) >= _GROUP_JOBS:
                return group, True
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return group, True
        return group, False

    def _run_group(self, group: list[_Job]) -> list[Any]:
        """Run the jobs in one transaction; return a result or an exception for each."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            outcomes = [job.run(self._db) for job in group]
            self._db.execute("COMMIT")
        except Exception as error:  # whatever it was, this thread must live on
            self._roll_back()
            if len(group) == 1:
                return [self._explain(error) if isinstance(error, sqlite3.Error) else error]
            # One of them is at fault. The others must not suffer from it.
            return [outcome for job in group for outcome in self._run_group([job])]
        self.commits += 1
        return outcomes

    def _roll_back(self) -> None:
        try:
            if self._db.in_transaction:  # SQLite ends it itself after some errors
                self._db.execute("ROLLBACK")
        except sqlite3.Error as error:
            log.error("the outbox could not roll back: %s", error)

    @staticmethod
    def _resolve(group: list[_Job], outcomes: list[Any]) -> None:
        for job, outcome in zip(group, outcomes, strict=True):
            if job.done.done():
                continue  # its caller was cancelled
            if isinstance(outcome, Exception):
                job.done.set_exception(outcome)
            else:
                job.done.set_result(outcome)
