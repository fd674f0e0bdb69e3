"""A connection to a SQLite file, as `sql.Connection`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from kull_router.errors import ConfigError
from kull_router.sql import DatabaseError, Row

_WAL_BYTES: Final = 64 * 2**20  # a WAL that grew beyond this is cut at the next checkpoint


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise DatabaseError(str(error)) from error


class SqliteConnection:
    """Implements `sql.Connection`. Any thread may use it, one at a time.

    Raises ConfigError when the file system has no place for a write-ahead log.
    """

    def __init__(self, path: Path) -> None:
        with _told():
            self._db = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=5
            )
            ((mode,),) = self.execute("PRAGMA journal_mode = WAL")
        if mode != "wal":
            self._db.close()
            raise ConfigError(
                f"{path} cannot use a write-ahead log ({mode}): put it on a local disk"
            )
        self.execute("PRAGMA synchronous = FULL")
        self.execute("PRAGMA cache_size = -32768")  # KiB
        self.execute("PRAGMA wal_autocheckpoint = 8000")  # pages: fewer rewrites of the same page
        self.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")

    @property
    def in_transaction(self) -> bool:
        """See `Connection.in_transaction`."""
        return self._db.in_transaction

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """See `Db.execute`."""
        with _told():
            return self._db.execute(sql, parameters).fetchall()

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """See `Db.executemany`."""
        with _told():
            self._db.executemany(sql, rows)

    def count(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """See `Db.count`."""
        with _told():
            return self._db.execute(sql, parameters).rowcount

    def term(self, shard: int) -> int:
        """See `Db.term`: the whole file is this transaction's."""
        rows = self.execute("SELECT term FROM shards WHERE shard = ?", (shard,))
        return int(rows[0][0]) if rows else 0

    def begin(self) -> None:
        """See `Connection.begin`."""
        self.execute("BEGIN IMMEDIATE")

    def begin_read(self) -> None:
        """See `Connection.begin_read`."""
        self.execute("BEGIN")

    def commit(self) -> None:
        """See `Connection.commit`."""
        self.execute("COMMIT")

    def rollback(self) -> None:
        """See `Connection.rollback`."""
        if self._db.in_transaction:
            self.execute("ROLLBACK")

    def close(self) -> None:
        """See `Connection.close`."""
        self._db.close()
