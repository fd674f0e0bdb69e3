"""A store in a file of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kull_router.queues.sql.sqlite import SqliteStore
from tests.support.stores import SHARD


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "kull.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(path, shard_count=16)
    await store.claim(SHARD, "router-1")
    yield store
    await store.aclose()
