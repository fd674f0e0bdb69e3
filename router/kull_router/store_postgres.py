"""The store in PostgreSQL, for several routers: one serves a shard, another can take over."""

from __future__ import annotations

import asyncio
from typing import Final

import psycopg

from kull_router import postgres_schema
from kull_router.errors import ConfigError, StoreUnavailable
from kull_router.postgres_connection import PostgresConnection
from kull_router.sql import DatabaseError
from kull_router.store import Retention
from kull_router.store_sql import SqlStore

_READERS: Final = 3


class PostgresStore(SqlStore):
    """A `SqlStore` that outlives its connections. Open it with `PostgresStore.open`."""

    @classmethod
    async def open(
        cls, url: str, *, shard_count: int, retention: Retention | None = None
    ) -> PostgresStore:
        """Open the database, creating the tables if there are none.

        `url` is `postgresql://user:password@host/database`. A database that goes away later makes
        calls raise StoreUnavailable until it is back.

        Raises:
            ShardCountMismatch: it was created for another shard count.
            ConfigError: the URL is none, or the tables are of another version.
            StoreUnavailable: it cannot be reached, or refuses the account.
        """
        try:
            writer, *readers = [
                PostgresConnection(url, name=f"kull-router {purpose}")
                for purpose in ("writer", *["reader"] * _READERS)
            ]
            where = writer.where
        except psycopg.ProgrammingError as error:
            raise ConfigError(
                "KULL_DATABASE_URL is none: write postgresql://user:password@host/database"
            ) from error
        try:
            epoch = await asyncio.to_thread(postgres_schema.prepare, writer, shard_count)
        except BaseException as error:
            writer.close()
            if isinstance(error, DatabaseError):
                raise StoreUnavailable(f"PostgreSQL at {where} cannot be used: {error}") from error
            raise
        return cls(epoch=epoch, writer=writer, readers=readers, retention=retention)
