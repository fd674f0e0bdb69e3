"""A connection to PostgreSQL, as `sql.Connection`: opened again when it was lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus

from kull_router.sql import DatabaseError, Row

_PATIENCE: Final = 5  # seconds for anything the server is asked
_OPTIONS: Final = (
    f"-c statement_timeout={_PATIENCE}s -c lock_timeout={_PATIENCE}s "
    # A router that is stopped in the middle of a transaction must not keep its shards' rows.
    f"-c idle_in_transaction_session_timeout={_PATIENCE}s"
)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        # Only the first line: the next ones repeat the statement.
        text = str(error).strip() or type(error).__name__
        raise DatabaseError(text.splitlines()[0]) from error


@cache
def _translated(sql: str) -> str:
    # CROSS JOIN tells SQLite to keep the order of the tables; PostgreSQL plans by itself.
    return sql.replace("CROSS JOIN", "JOIN").replace("?", "%s")


class PostgresConnection:
    """Implements `sql.Connection`. Any thread may use it, one at a time."""

    def __init__(self, url: str, *, name: str) -> None:
        self._url, self._name = url, name
        self._db: psycopg.Connection[Row] | None = None

    @property
    def where(self) -> str:
        """Where it connects to, for people: no password."""
        known = conninfo_to_dict(self._url)
        return (
            f"{known.get('host', 'localhost')}:{known.get('port', 5432)}/{known.get('dbname', '')}"
        )

    @property
    def in_transaction(self) -> bool:
        """See `Connection.in_transaction`. A transaction that has failed still can be undone."""
        db = self._db
        return (
            db is not None
            and not db.closed
            and db.info.transaction_status in {TransactionStatus.INTRANS, TransactionStatus.INERROR}
        )

    def open(self) -> None:
        """Connect, unless it is connected."""
        if self._db is not None and not self._db.closed and not self._db.broken:
            return
        with _told():
            self._db = psycopg.connect(
                self._url,
                autocommit=True,  # transactions are begun by hand
                options=_OPTIONS,
                application_name=self._name,
                client_encoding="utf8",  # psycopg gives bytes where a database is SQL_ASCII
                connect_timeout=_PATIENCE,
                keepalives_idle=5,
                keepalives_interval=2,
                keepalives_count=3,
                tcp_user_timeout=2 * 1000 * _PATIENCE,
            )

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """See `Db.execute`."""
        with _told():
            cursor = self._live.execute(_translated(sql), parameters)
            return cursor.fetchall() if cursor.description else []

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """See `Db.executemany`."""
        parameters = list(rows)
        if parameters:
            with _told(), self._live.cursor() as cursor:
                cursor.executemany(_translated(sql), parameters)

    def count(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """See `Db.count`."""
        with _told():
            return self._live.execute(_translated(sql), parameters).rowcount

    def term(self, shard: int) -> int:
        """See `Db.term`: a claim waits until this transaction has ended."""
        rows = self.execute("SELECT term FROM shards WHERE shard = ? FOR SHARE", (shard,))
        return int(rows[0][0]) if rows else 0

    def begin(self) -> None:
        """See `Connection.begin`."""
        self.open()
        self.execute("BEGIN")

    def begin_read(self) -> None:
        """See `Connection.begin_read`."""
        self.open()
        self.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def commit(self) -> None:
        """See `Connection.commit`."""
        self.execute("COMMIT")

    def rollback(self) -> None:
        """See `Connection.rollback`."""
        if self.in_transaction:
            self.execute("ROLLBACK")

    def close(self) -> None:
        """See `Connection.close`."""
        if self._db is not None:
            self._db.close()

    @property
    def _live(self) -> psycopg.Connection[Row]:
        if self._db is None:
            raise DatabaseError("it is not connected")
        return self._db
