"""The store in PostgreSQL, for several routers: one serves a shard, another can take over."""

from __future__ import annotations

import asyncio
from typing import Final

import psycopg

from kull_router.errors import ConfigError, StoreReplaced, StoreUnavailable
from kull_router.queues.port import Retention
from kull_router.queues.sql import postgres_schema
from kull_router.queues.sql.db import DatabaseError
from kull_router.queues.sql.postgres_connection import PostgresConnection
from kull_router.queues.sql.store import SqlStore

_READERS: Final = 3


class PostgresStore(SqlStore):
    """A `SqlStore` that outlives its connections. Open it with `PostgresStore.open`."""

    @classmethod
    async def open(
        cls, url: str, *, shard_count: int, retention: Retention | None = None
    ) -> PostgresStore:
        """Open the database, creating the tables if there are none.

        `url` is `postgresql://user:password@host/database`. A database that goes away later makes
        calls raise StoreUnavailable until it is back, or StoreReplaced if it is not the same any
        more: then open it again.

        Raises:
            ShardCountMismatch: it was created for another shard count.
            ConfigError: the URL is none, or the tables are of another version.
            StoreUnavailable: it cannot be reached, or refuses the account.
        """
        known: list[str] = []  # the history, once it is known

        def check(db: PostgresConnection) -> None:
            if known and [postgres_schema.history_of(db)] != known:
                raise StoreReplaced(
                    f"PostgreSQL at {db.where} was restored, or a standby took over: start again, "
                    "under a new epoch"
                )

        try:
            writer, *readers = [
                PostgresConnection(url, name=f"kull-router {purpose}", check=check)
                for purpose in ("writer", *["reader"] * _READERS)
            ]
        except psycopg.ProgrammingError:
            raise ConfigError(
                "KULL_DATABASE_URL is none: write postgresql://user:password@host/database"
            ) from None  # the cause repeats the password
        try:
            epoch, history = await asyncio.to_thread(postgres_schema.prepare, writer, shard_count)
        except BaseException as error:
            writer.close()
            if isinstance(error, DatabaseError):
                raise StoreUnavailable(
                    f"PostgreSQL at {writer.where} cannot be used: {error}"
                ) from error
            raise
        known.append(history)
        return cls(epoch=epoch, writer=writer, readers=readers, retention=retention)
