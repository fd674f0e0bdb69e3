"""Where a deployment's store is, by its settings: to open it, or to look after it as a whole."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from pydantic import SecretStr

from kull_router.errors import ConfigError
from kull_router.measures.store import StoreMeasures
from kull_router.queues.database import Database
from kull_router.queues.port import Retention
from kull_router.queues.sql.db import Connection
from kull_router.queues.sql.sqlite import SqliteLocation


class StoreSettings(Protocol):
    """The store's part of the router's settings, see there."""

    @property
    def data(self) -> Path: ...  # noqa: D102

    @property
    def database_url(self) -> SecretStr | None: ...  # noqa: D102

    @property
    def shard_count(self) -> int: ...  # noqa: D102

    @property
    def retention(self) -> Retention: ...  # noqa: D102


class Location(Protocol):
    """A SQLite file or a PostgreSQL database. As a text it says where, without a password."""

    async def open(
        self, *, shard_count: int, retention: Retention, measures: StoreMeasures | None = None
    ) -> Database:
        """Open the store that is there, making it or migrating its tables first if need be.

        measures: where it counts what it does.

        Raises:
            StoreLocked: another router process uses the file.
            ShardCountMismatch: it was created for another shard count.
            NewerSchema: a newer version has changed its tables.
            ConfigError: it is something else, or the URL is none.
            StoreUnavailable: it cannot be opened.
        """
        ...

    def connected(self, *, alone: bool = False) -> AbstractContextManager[Connection]:
        """Connect for as long as the block lasts; `alone`: while no router uses the store.

        Raises:
            StoreLocked: a router uses it.
            StoreUnavailable: it cannot be opened, or the block has raised DatabaseError.
        """
        ...


def locate(settings: StoreSettings) -> Location:
    """Return where the store of these settings is. Raises ConfigError."""
    if settings.database_url is None:
        return SqliteLocation(settings.data / "kull.db")
    try:
        # Imported only where it is used: SQLite needs no driver.
        from kull_router.queues.sql.postgres import PostgresLocation  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(
            "PostgreSQL needs its driver: pip install 'kull-router[postgres]'"
        ) from error
    return PostgresLocation(settings.database_url.get_secret_value())


async def open_store(settings: StoreSettings, measures: StoreMeasures | None = None) -> Database:
    """Open the store of these settings. Raises what `Location.open` does."""
    return await locate(settings).open(
        shard_count=settings.shard_count, retention=settings.retention, measures=measures
    )
