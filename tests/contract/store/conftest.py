"""A store of each kind: the twin, SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kull_router.queues.port import (
    Store,
)
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
