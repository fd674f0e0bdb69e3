"""The store in PostgreSQL, for several routers: one serves a shard, another can take over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import psycopg

from kull_router.errors import ConfigError, StoreLocked, StoreReplaced, StoreUnavailable
from kull_router.measures.store import StoreMeasures
from kull_router.queues.port import Retention
from kull_router.queues.sql import schema
from kull_router.queues.sql.db import DatabaseError
from kull_router.queues.sql.postgres_connection import PostgresConnection
from kull_router.queues.sql.store import SqlStore

_READERS: Final = 3
_ROUTER: Final = "kull-router"  # how the connections of routers call themselves


class PostgresStore(SqlStore):
    """A `SqlStore` that outlives its connections. Open it with `PostgresStore.open`."""

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        shard_count: int,
        retention: Retention | None = None,
        measures: StoreMeasures | None = None,
    ) -> PostgresStore:
        """Open the database, creating the tables if there are none, and migrating older ones.

        `url` is `postgresql://user:password@host/database`. A database that goes away later makes
        calls raise StoreUnavailable until it is back, or StoreReplaced if it is not the same any
        more: then open it again.

        Raises:
            ShardCountMismatch: it was created for another shard count.
            NewerSchema: a newer version has changed its tables.
            ConfigError: the URL is none, or the tables are of something else.
            StoreUnavailable: it cannot be reached, or refuses the account.
        """
        known: list[str] = []  # the history, once it is known

        def check(db: PostgresConnection) -> None:
            if known and [db.history()] != known:
                raise StoreReplaced(
                    f"PostgreSQL at {db.where} was restored, or a standby took over: start again, "
                    "under a new epoch"
                )

        writer, *readers = [
            _connection(url, f"{_ROUTER} {purpose}", check)
            for purpose in ("writer", *["reader"] * _READERS)
        ]
        try:
            identity = await asyncio.to_thread(schema.prepare, writer, shard_count)
        except BaseException as error:
            writer.close()
            if isinstance(error, DatabaseError):
                raise _unavailable(writer, error) from error
            raise
        known.append(identity.history)
        return cls(identity, writer=writer, readers=readers, retention=retention, measures=measures)


class PostgresLocation:
    """Implements `location.Location`."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __str__(self) -> str:
        return f"PostgreSQL at {self._connection().where}"

    async def open(
        self, *, shard_count: int, retention: Retention, measures: StoreMeasures | None = None
    ) -> PostgresStore:
        """See `Location.open`."""
        return await PostgresStore.open(
            self._url, shard_count=shard_count, retention=retention, measures=measures
        )

    @contextmanager
    def connected(self, *, alone: bool = False) -> Iterator[PostgresConnection]:
        """See `Location.connected`."""
        db = self._connection()
        try:
            if alone:
                _check_alone(db)
            yield db
        except DatabaseError as error:
            raise _unavailable(db, error) from error
        finally:
            db.close()

    def _connection(self) -> PostgresConnection:
        return _connection(self._url, "kull store", lambda _db: None)


def _connection(
    url: str, name: str, check: Callable[[PostgresConnection], None]
) -> PostgresConnection:
    try:
        return PostgresConnection(url, name=name, check=check)
    except psycopg.ProgrammingError:
        raise ConfigError(
            "KULL_DATABASE_URL is none: write postgresql://user:password@host/database"
        ) from None  # the cause repeats the password


def _unavailable(db: PostgresConnection, error: DatabaseError) -> StoreUnavailable:
    return StoreUnavailable(f"PostgreSQL at {db.where} cannot be used: {error}")


def _check_alone(db: PostgresConnection) -> None:
    db.begin_read()
    ((count,),) = db.query(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name LIKE ?",
        (f"{_ROUTER} %",),
    )
    db.rollback()
    if count:
        raise StoreLocked(
            f"PostgreSQL at {db.where} is in use by routers ({count} connections): stop them first"
        )
