"""A store of each kind: the twin, SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kull_router.queues.port import (
    Store,
)
from tests.support.store_tables import PostgresTables, SqliteTables, Tables
from tests.support.stores import (
    SHARD,
    Disk,
    MemoryDisk,
    PostgresDisk,
    SqliteDisk,
    opened,
)


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    if request.param == "postgres":
        return PostgresDisk(request.getfixturevalue("database_url"))
    return MemoryDisk() if request.param == "memory" else SqliteDisk(tmp_path)


@pytest.fixture
async def store(disk: Disk) -> AsyncIterator[Store]:
    async with opened(disk) as store:
        assert await store.claim(SHARD, "router-1") == 1
        yield store


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def tables(request: pytest.FixtureRequest, tmp_path: Path) -> Tables:
    if request.param == "postgres":
        return PostgresTables(request.getfixturevalue("database_url"))
    return SqliteTables(tmp_path)


@pytest.fixture
def first(tables: Tables) -> Tables:
    """A store as the version before numbered migrations made it, with rows."""
    tables.make_first_schema()
    return tables
