"""The table `kull_outbox` in a service's SQLite file, for the relay."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from kull_producers.errors import OutboxError, OutboxLocked
from kull_producers.outbox import private_file
from kull_producers.outbox.row import COLUMNS, OutboxRow, row_of
from kull_producers.outbox.sql import CREATE_SQLITE

T = TypeVar("T")
_LIST: Final = ", ".join(COLUMNS)
_WAITING: Final = "sent_ms IS NULL AND refused IS NULL"


class SqliteOutbox:
    """Implements `sql_relay.SqlBacklog` for a file that the service writes as well.

    Its lock is a second file, `<path>.kull-relay`, which this keeps locked while it is used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None
        self._lock: sqlite3.Connection | None = None
        # One thread, so that a cancelled call never leaves two on the connection.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kull-outbox-sqlite")

    async def create_table(self) -> None:
        """Create the table and its indexes unless they exist."""

        def create(db: sqlite3.Connection) -> None:
            for statement in CREATE_SQLITE:
                db.execute(statement)

        await self._run(create)

    async def read(self, *, limit: int, skip: Collection[str]) -> list[OutboxRow]:
        """See `Backlog.read`."""
        skipped = json.dumps(list(skip))
        query = (
            f"SELECT id, {_LIST} FROM kull_outbox WHERE {_WAITING}"  # noqa: S608
            " AND address NOT IN (SELECT value FROM json_each(?)) ORDER BY id LIMIT ?"
        )
        rows = await self._run(lambda db: db.execute(query, (skipped, limit)).fetchall())
        return [row_of(values) for values in rows]

    async def sent(self, ids: Sequence[int], sent_ms: int) -> None:
        """See `SqlBacklog.sent`."""
        query = (
            "UPDATE kull_outbox SET sent_ms = ?"
            " WHERE id IN (SELECT value FROM json_each(?)) AND sent_ms IS NULL"
        )
        await self._run(lambda db: db.execute(query, (sent_ms, json.dumps(list(ids)))))

    async def refuse(self, row: OutboxRow, reason: str) -> None:
        """See `Backlog.refuse`."""
        query = "UPDATE kull_outbox SET refused = ? WHERE id = ?"
        await self._run(lambda db: db.execute(query, (reason, row.id)))

    async def retry_refused(self) -> int:
        """See `SqlBacklog.retry_refused`."""
        query = "UPDATE kull_outbox SET refused = NULL WHERE refused IS NOT NULL"
        return await self._run(lambda db: db.execute(query).rowcount)

    async def delete_sent(self, before_ms: int, limit: int) -> int:
        """See `SqlBacklog.delete_sent`."""
        query = (
            "DELETE FROM kull_outbox WHERE id IN"
            " (SELECT id FROM kull_outbox WHERE sent_ms < ? LIMIT ?)"
        )
        return await self._run(lambda db: db.execute(query, (before_ms, limit)).rowcount)

    async def count(self) -> tuple[int, int, int | None]:
        """See `SqlBacklog.count`."""
        query = (
            f"SELECT count(*) FILTER (WHERE {_WAITING}), count(refused),"  # noqa: S608
            f" min(accepted_ms) FILTER (WHERE {_WAITING}) FROM kull_outbox WHERE sent_ms IS NULL"
        )
        (waiting, refused, oldest_ms), *_ = await self._run(lambda db: db.execute(query).fetchall())
        return waiting, refused, oldest_ms

    async def aclose(self) -> None:
        """See `SqlBacklog.aclose`."""
        await asyncio.to_thread(self._thread.shutdown)
        self._close()

    async def _run(self, job: Callable[[sqlite3.Connection], T]) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._run_now, job)

    def _run_now(self, job: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return job(self._connected())
        except sqlite3.Error as error:
            raise OutboxError(f"the outbox in {self._path} cannot be used: {error}") from error

    def _connected(self) -> sqlite3.Connection:
        if self._lock is None:
            self._lock = _locked(Path(f"{self._path}.kull-relay"))
        if self._db is None:
            self._db = sqlite3.connect(
                self._path, isolation_level=None, check_same_thread=False, timeout=5
            )
        return self._db

    def _close(self) -> None:
        for db in (self._db, self._lock):
            if db is not None:
                db.close()
        self._db = self._lock = None


def _locked(path: Path) -> sqlite3.Connection:
    try:
        private_file.create(path)
    except OSError as error:
        raise OutboxError(f"{path} cannot be created: {error.strerror}") from error
    lock = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
    try:
        lock.execute("BEGIN EXCLUSIVE")  # it ends with the process, however that ends
    except sqlite3.OperationalError as error:
        lock.close()
        raise OutboxLocked(f"another relay is active ({path} is locked)") from error
    return lock
