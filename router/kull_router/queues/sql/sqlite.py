"""The store in one SQLite file: the embedded default, for one active router process."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final

from kull_router.errors import StoreUnavailable
from kull_router.queues.port import Retention
from kull_router.queues.sql import sqlite_schema
from kull_router.queues.sql.db import DatabaseError
from kull_router.queues.sql.sqlite_connection import SqliteConnection
from kull_router.queues.sql.store import SqlStore

_READERS: Final = 2


class SqliteStore(SqlStore):
    """A `SqlStore` that keeps its file locked. Open it with `SqliteStore.open`."""

    _lock: int | None = None

    @classmethod
    async def open(
        cls, path: Path, *, shard_count: int, retention: Retention | None = None
    ) -> SqliteStore:
        """Open the file, creating it (and its folder) if there is none.

        Raises:
            StoreLocked: another router process uses it.
            ShardCountMismatch: it was created for another shard count.
            ConfigError: it is something else, or of another version.
            StoreUnavailable: it cannot be opened.
        """
        epoch, lock, (writer, *readers) = await asyncio.to_thread(_open, path, shard_count)
        store = cls(epoch=epoch, writer=writer, readers=readers, retention=retention)
        store._lock = lock
        return store

    async def aclose(self) -> None:
        """See `Store.aclose`."""
        await super().aclose()
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)


def _open(path: Path, shard_count: int) -> tuple[str, int, list[SqliteConnection]]:
    opened: list[SqliteConnection] = []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = sqlite_schema.lock(path)
    except OSError as error:
        raise StoreUnavailable(f"{path} cannot be opened: {error}") from error
    try:
        opened.append(SqliteConnection(path))
        epoch = sqlite_schema.prepare(opened[0], shard_count)
        opened.extend(SqliteConnection(path) for _ in range(_READERS))
    except BaseException as error:
        for db in opened:
            db.close()
        os.close(lock)
        if isinstance(error, DatabaseError):
            raise StoreUnavailable(f"{path} cannot be opened: {error}") from error
        raise
    return epoch, lock, opened
