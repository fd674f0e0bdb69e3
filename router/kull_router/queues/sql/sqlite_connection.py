"""A connection to a SQLite file, as `db.Connection`."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Final

from kull_router.errors import ConfigError
from kull_router.queues.sql.db import DatabaseError, Refused, Row
from kull_router.queues.sql.known import Known

_CHUNKS: Final = (1, 4, 16, 64, 256)  # rows per look-up: few, to keep statements prepared
_WAL_BYTES: Final = 64 * 2**20  # a WAL that grew beyond this is cut at the next checkpoint
_WAL_TRIES: Final = 100
_WAL_PAUSE: Final = 0.05  # seconds
_WORDS: Final = {
    "integer": "INTEGER",
    "text": "TEXT",
    "any_text": "",
    "boolean": "INTEGER",
    "bytes": "BLOB",
    "row_id": "INTEGER PRIMARY KEY",
    "growing_number": "INTEGER PRIMARY KEY AUTOINCREMENT",
    "by_key": "WITHOUT ROWID",
    "half_full": "",
    "mostly_full": "",
}


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError, UnicodeError) as error:
        raise Refused(str(error)) from error  # the last two: no such number or text in SQLite
    except sqlite3.Error as error:
        raise DatabaseError(str(error)) from error


@cache
def _values(size: int, width: int) -> str:
    row = "(" + ", ".join("?" * width) + ")"
    return f"(VALUES {', '.join([row] * size)}) AS wanted"


@cache
def _for_each(sql: str, width: int) -> str:
    columns = ", ".join(f"? AS column{place}" for place in range(1, width + 1))
    return sql.replace("{wanted}", f"(SELECT {columns}) AS wanted")


class SqliteConnection:
    """Implements `db.Connection`. Any thread may use it, one at a time.

    Raises ConfigError when the file system has no place for a write-ahead log.
    """

    lock = lock_free = share = ""  # there is one router, and one writer
    words = _WORDS

    def __init__(self, path: Path) -> None:
        self.known = Known(alone=True)
        with _told():
            self._db = sqlite3.connect(
                path, isolation_level=None, check_same_thread=False, timeout=5
            )
        try:
            self._set_up(path)
        except BaseException:
            self._db.close()
            raise

    def _set_up(self, path: Path) -> None:
        mode = self._use_wal()
        if mode != "wal":
            raise ConfigError(
                f"{path} cannot use a write-ahead log ({mode}): put it on a local disk"
            )
        self.execute("PRAGMA synchronous = FULL")
        self.execute("PRAGMA cache_size = -32768")  # KiB
        self.execute("PRAGMA wal_autocheckpoint = 8000")  # pages: fewer rewrites of the same page
        self.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")

    def _use_wal(self) -> str:
        # The one statement that does not wait for who else is opening a new file.
        for _ in range(_WAL_TRIES):
            try:
                ((mode,),) = self.query("PRAGMA journal_mode = WAL")
            except DatabaseError as error:
                if getattr(error.__cause__, "sqlite_errorcode", 0) != sqlite3.SQLITE_BUSY:
                    raise
                time.sleep(_WAL_PAUSE)
            else:
                return str(mode)
        raise DatabaseError("others keep it locked")

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """See `Db.query`."""
        with _told():
            return self._db.execute(sql, parameters).fetchall()

    def look_up(self, sql: str, wanted: Collection[Sequence[Any]]) -> list[Row]:
        """See `Db.look_up`."""
        rows = list(wanted)
        found: list[Row] = []
        for start in range(0, len(rows), _CHUNKS[-1]):
            chunk = rows[start : start + _CHUNKS[-1]]
            width = len(chunk[0])
            size = next(size for size in _CHUNKS if size >= len(chunk))
            padding = (None,) * (width * (size - len(chunk)))  # NULL equals nothing
            statement = sql.replace("{wanted}", _values(size, width))
            found += self.query(statement, (*chain.from_iterable(chunk), *padding))
        return found

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """See `Db.execute`."""
        with _told():
            self._db.execute(sql, parameters)

    def write(self, sql: str, wanted: Collection[Sequence[Any]]) -> None:
        """See `Db.write`."""
        if wanted:
            with _told():
                self._db.executemany(_for_each(sql, len(next(iter(wanted)))), wanted)

    def count(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """See `Db.count`."""
        with _told():
            return self._db.execute(sql, parameters).rowcount

    def begin(self) -> None:
        """See `Connection.begin`."""
        self.known.bound()
        self.execute("BEGIN IMMEDIATE")

    def begin_read(self) -> None:
        """See `Connection.begin_read`."""
        self.execute("BEGIN")

    def begin_migration(self) -> None:
        """See `Connection.begin_migration`: there is one writer."""
        self.begin()

    def has_table(self, name: str) -> bool:
        """See `Connection.has_table`."""
        return bool(self.query("SELECT 1 FROM sqlite_master WHERE name = ?", (name,)))

    def history(self) -> str:
        """See `Connection.history`: a file that was copied back looks like any other."""
        return ""

    def commit(self) -> None:
        """See `Connection.commit`."""
        self.execute("COMMIT")

    def rollback(self) -> bool:
        """See `Connection.rollback`."""
        self.known.forget()
        if self._db.in_transaction:
            self.execute("ROLLBACK")
        return True

    def close(self) -> None:
        """See `Connection.close`."""
        self._db.close()
