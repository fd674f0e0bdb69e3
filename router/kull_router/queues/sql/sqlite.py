"""The store in one SQLite file: the embedded default, for one active router process."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from kull_producers.outbox import private_file
from kull_router.errors import ConfigError, StoreLocked, StoreUnavailable
from kull_router.measures.store import StoreMeasures
from kull_router.queues.port import Retention
from kull_router.queues.sql import schema
from kull_router.queues.sql.db import DatabaseError
from kull_router.queues.sql.sqlite_connection import SqliteConnection
from kull_router.queues.sql.store import SqlStore

_READERS: Final = 2


class SqliteStore(SqlStore):
    """A `SqlStore` that keeps its file locked. Open it with `SqliteStore.open`."""

    _lock: int | None = None

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        shard_count: int,
        retention: Retention | None = None,
        measures: StoreMeasures | None = None,
    ) -> SqliteStore:
        """Open the file, creating it (and its folder) if there is none, and migrate its tables.

        Raises:
            StoreLocked: another router process uses it.
            ShardCountMismatch: it was created for another shard count.
            NewerSchema: a newer version has changed its tables.
            ConfigError: it is something else.
            StoreUnavailable: it cannot be opened.
        """
        identity, lock, (writer, *readers) = await asyncio.to_thread(_open, path, shard_count)
        store = cls(
            identity, writer=writer, readers=readers, retention=retention, measures=measures
        )
        store._lock = lock
        return store

    async def aclose(self) -> None:
        """See `Store.aclose`."""
        await super().aclose()
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)


class SqliteLocation:
    """Implements `location.Location`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    async def open(
        self, *, shard_count: int, retention: Retention, measures: StoreMeasures | None = None
    ) -> SqliteStore:
        """See `Location.open`."""
        return await SqliteStore.open(
            self._path, shard_count=shard_count, retention=retention, measures=measures
        )

    @contextmanager
    def connected(self, *, alone: bool = False) -> Iterator[SqliteConnection]:
        """See `Location.connected`."""
        if not self._path.exists():
            raise StoreUnavailable(f"there is no store at {self._path}")
        lock = _lock(self._path) if alone else None
        try:
            db = SqliteConnection(self._path)
            try:
                yield db
            finally:
                db.close()
        except DatabaseError as error:
            raise StoreUnavailable(f"{self._path} cannot be used: {error}") from error
        finally:
            if lock is not None:
                os.close(lock)


def _open(path: Path, shard_count: int) -> tuple[schema.Identity, int, list[SqliteConnection]]:
    opened: list[SqliteConnection] = []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        private_file.create(path)
        lock = _lock(path)
    except OSError as error:
        raise StoreUnavailable(f"{path} cannot be opened: {error}") from error
    try:
        opened.append(SqliteConnection(path))
        _check_ours(opened[0])
        identity = schema.prepare(opened[0], shard_count)
        opened.extend(SqliteConnection(path) for _ in range(_READERS))
    except BaseException as error:
        for db in opened:
            db.close()
        os.close(lock)
        if isinstance(error, DatabaseError):
            raise StoreUnavailable(f"{path} cannot be opened: {error}") from error
        raise
    return identity, lock, opened


def _check_ours(db: SqliteConnection) -> None:
    if not db.has_table("meta") and db.query("SELECT 1 FROM sqlite_master LIMIT 1"):
        raise ConfigError("the file is a database of something else: it has no table meta")


def _lock(path: Path) -> int:
    """Take the file for this process alone and return the lock's descriptor: close it to let go.

    Raises:
        StoreLocked: another process (or store) has it.
    """
    descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, private_file.MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(descriptor, 20, 0).decode() or "unknown"
        os.close(descriptor)
        raise StoreLocked(
            f"{path} is in use by another router (process {owner}): stop that one first, or set "
            "KULL_DATA to another folder. Several routers need PostgreSQL"
        ) from None
    os.truncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor
