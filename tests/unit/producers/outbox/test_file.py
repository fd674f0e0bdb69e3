from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from kull_producers import (
    OutboxError,
    OutboxLocked,
)
from kull_producers.testing import MemoryTransport
from tests.unit.producers.outbox.publishers import (
    publisher_on,
)


async def test_a_file_has_one_publisher(tmp_path: Path) -> None:
    first = publisher_on(tmp_path / "o.db", MemoryTransport())
    second = publisher_on(tmp_path / "o.db", MemoryTransport())
    async with first:
        with pytest.raises(OutboxLocked, match="a file of its own"):
            await second.__aenter__()
    async with second:
        pass


async def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "o.db") as db:
        db.execute("CREATE TABLE bookings (id)")
    db.close()
    (tmp_path / "text").write_text("no database, but long enough to be looked at" * 50)
    for name, why in (("o.db", "is no outbox"), ("text", "not a database")):
        with pytest.raises(OutboxError, match=why):
            await publisher_on(tmp_path / name, MemoryTransport()).__aenter__()
