"""A connection to PostgreSQL, as `db.Connection`: opened again when it was lost."""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper

from kull_router.queues.sql.db import DatabaseError, Refused, Row
from kull_router.queues.sql.known import Known

_PATIENCE: Final = 8  # seconds that the server tries for
_SILENCE: Final = 12.0  # seconds without a word after which it counts as lost
_OPTIONS: Final = (
    f"-c statement_timeout={_PATIENCE}s -c lock_timeout={_PATIENCE}s "
    # A router that is stopped in the middle of a transaction must not keep its shards' rows: those
    # who wait for them get them before their own patience ends.
    "-c idle_in_transaction_session_timeout=5s "
    # Every statement looks up rows by their keys. A plan that was made while the tables were small
    # would read them whole, and go on doing so until they are analysed.
    "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off "
    "-c plan_cache_mode=force_generic_plan"
)
_MIGRATION_LOCK: Final = 0x6B756C6C  # "kull": routers that start at once take turns
# Texts compare by their bytes, whatever the database's language. Rows that are rewritten all the
# time have room beside them, so that their indices stay as they are.
_WORDS: Final = {
    "integer": "BIGINT",
    "text": 'TEXT COLLATE "C"',
    "any_text": 'TEXT COLLATE "C"',
    "boolean": "BOOLEAN",
    "bytes": "BYTEA",
    "row_id": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    "growing_number": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
    "by_key": "",
    "half_full": "WITH (fillfactor = 50)",
    "mostly_full": "WITH (fillfactor = 70)",
}
# Classes of SQLSTATE that speak of values: data, constraints, types, limits. They come each time.
# Some of class 42 speak of the tables instead, for all events alike, until an operator mends them.
_OF_VALUES: Final = ("22", "23", "42", "54")
_OF_TABLES: Final = {"42501", "42P01", "42703", "42P10"}  # not allowed, no table, column, index
_ARRAYS: Final = {int: "bigint", str: "text", bytes: "bytea", bool: "boolean"}


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        # Only the first line: the next ones repeat the statement.
        text = str(error).strip() or type(error).__name__
        kind = Refused if _speaks_of_values(error) else DatabaseError
        raise kind(text.splitlines()[0]) from error
    except (OverflowError, UnicodeError, struct.error) as error:
        raise Refused(str(error)) from error  # no such number or text in PostgreSQL


def _speaks_of_values(error: psycopg.Error) -> bool:
    if error.sqlstate is None:  # psycopg's own word
        return isinstance(error, psycopg.DataError)
    return error.sqlstate.startswith(_OF_VALUES) and error.sqlstate not in _OF_TABLES


@cache
def _translated(sql: str, types: tuple[type, ...] = ()) -> str:
    arrays = ", ".join(f"%b::{_ARRAYS[one]}[]" for one in types)
    columns = ", ".join(f"column{place}" for place in range(1, len(types) + 1))
    sql = sql.replace("?", "%s").replace("{wanted}", f"unnest({arrays}) AS wanted ({columns})")
    # CROSS JOIN tells SQLite to keep the order of the tables; PostgreSQL plans by itself.
    return sql.replace("CROSS JOIN", "JOIN")


class _Connection(psycopg.Connection[Row]):
    """Gives up on a server that is silent; `statement_timeout` needs one that lives."""

    patient = False  # a migration may take its time

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        try:
            return super().wait(gen, interval, timeout or (None if self.patient else _SILENCE))
        except psycopg.OperationalError as error:
            if error.sqlstate is None:  # not the server's word: the connection is of no use
                self.close()
            raise


class PostgresConnection:
    """Implements `db.Connection`. Any thread may use it, one at a time.

    Not in pipeline mode, although that saves round trips: a router that is stopped in the middle of
    one would keep its locks for ever, `idle_in_transaction_session_timeout` or not.
    """

    lock = "FOR UPDATE OF q"
    lock_free = "FOR UPDATE OF q SKIP LOCKED"
    share = "FOR SHARE OF s"  # many may hold it at once; who wants to change the row waits
    words = _WORDS

    def __init__(self, url: str, *, name: str, check: Callable[[PostgresConnection], None]) -> None:
        """check: is called with each new connection; what it raises is raised by `begin`."""
        self.known = Known(alone=False)  # every router writes
        self._url, self._name, self._check = url, name, check
        self._known = conninfo_to_dict(url)
        self._db: _Connection | None = None

    @property
    def where(self) -> str:
        """Where it connects to, for people: no password."""
        known = self._known
        return (
            f"{known.get('host', 'localhost')}:{known.get('port', 5432)}/{known.get('dbname', '')}"
        )

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """See `Db.query`."""
        with _told():
            return self._live.execute(_translated(sql), parameters).fetchall()

    def look_up(self, sql: str, wanted: Collection[Sequence[Any]]) -> list[Row]:
        """See `Db.look_up`."""
        if not wanted:
            return []
        with _told():
            return self._on_columns(sql, wanted).fetchall()

    def write(self, sql: str, wanted: Collection[Sequence[Any]]) -> None:
        """See `Db.write`: one statement for all rows."""
        if wanted:
            with _told():
                self._on_columns(sql, wanted)

    def _on_columns(self, sql: str, rows: Collection[Sequence[Any]]) -> psycopg.Cursor[Row]:
        types = tuple(type(value) for value in next(iter(rows)))
        columns = [list(column) for column in zip(*rows, strict=True)]
        return self._live.execute(_translated(sql, types), columns)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """See `Db.execute`."""
        with _told():
            self._live.execute(_translated(sql), parameters)

    def count(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """See `Db.count`."""
        with _told():
            return self._live.execute(_translated(sql), parameters).rowcount

    def begin(self) -> None:
        """See `Connection.begin`."""
        self._begin("BEGIN")

    def begin_read(self) -> None:
        """See `Connection.begin_read`."""
        self._begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def begin_migration(self) -> None:
        """See `Connection.begin_migration`: waits for another router's, however long that takes."""
        self.begin()
        self._live.patient = True
        self.execute("SET LOCAL statement_timeout = 0")
        self.execute("SET LOCAL lock_timeout = 0")
        self.query("SELECT pg_advisory_xact_lock(?)", (_MIGRATION_LOCK,))
        # But not for whoever reads a table for hours: routers that want it would queue up behind.
        self.execute(f"SET LOCAL lock_timeout = '{_PATIENCE}s'")

    def has_table(self, name: str) -> bool:
        """See `Connection.has_table`."""
        # Not by to_regclass: it may still answer what it did before another router made the table.
        return bool(
            self.query(
                "SELECT 1 FROM pg_class WHERE relname = ? AND pg_table_is_visible(oid)", (name,)
            )
        )

    def history(self) -> str:
        """See `Connection.history`.

        That is the cluster (a dump read into another one), the timeline (a standby promoted, a
        backup recovered to some moment) and the table itself (a dump read into the same cluster). A
        copy of the disk brought back as it was does not show: see docs/operations.md. Needs no
        special rights.
        """
        ((system, wal, table),) = self.query(
            "SELECT (SELECT system_identifier FROM pg_control_system()), "
            "pg_walfile_name(pg_current_wal_lsn()), 'meta'::regclass::oid::bigint"
        )
        return f"{system}/{int(wal[:8], 16)}/{table}"

    def commit(self) -> None:
        """See `Connection.commit`."""
        with _told():
            done = self._live.execute("COMMIT").statusmessage
        self._live.patient = False
        if done != "COMMIT":
            raise DatabaseError("the transaction had failed, and was rolled back")

    def rollback(self) -> bool:
        """See `Connection.rollback`."""
        if self._db is None or self._db.closed:
            return False
        if self._db.info.transaction_status != TransactionStatus.IDLE:
            self.execute("ROLLBACK")
        self._db.patient = False
        return True

    def close(self) -> None:
        """See `Connection.close`."""
        if self._db is not None:
            self._db.close()

    def _begin(self, statement: str) -> None:
        if self._db is None or self._db.closed:
            self._connect()
        self.execute(statement)

    def _connect(self) -> None:
        with _told():
            self._db = _Connection.connect(
                self._url,
                autocommit=True,  # transactions are begun by hand
                options=f"{self._known.get('options', '')} {_OPTIONS}",
                application_name=self._name,
                client_encoding="utf8",  # psycopg gives bytes where a database is SQL_ASCII
                connect_timeout=_PATIENCE,
                keepalives_idle=5,
                keepalives_interval=2,
                keepalives_count=3,
                tcp_user_timeout=int(_SILENCE * 1000),
            )
            # One type for all integers, or a statement would be prepared for each combination.
            self._db.adapters.register_dumper(int, Int8Dumper)
            self._db.adapters.register_dumper(int, Int8BinaryDumper)
        try:
            self._check(self)
        except BaseException:
            self._db.close()
            raise

    @property
    def _live(self) -> _Connection:
        if self._db is None:
            raise DatabaseError("it is not connected")
        return self._db
