"""Files of an outbox are their owner's alone."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from kull_producers.errors import OutboxError, OutboxLocked
from kull_producers.outbox import private_file
from kull_producers.outbox.sqlite import SqliteOutbox
from kull_producers.testing import MemoryTransport
from tests.unit.producers.outbox.publishers import publisher_on


@pytest.fixture
def anything_goes() -> Iterator[None]:
    """A umask that leaves every mode as it is asked for."""
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    return {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}


@pytest.mark.usefixtures("anything_goes")
async def test_nobody_else_may_read_the_events_of_an_outbox(tmp_path: Path) -> None:
    transport = MemoryTransport()
    transport.down = True
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        await publisher.credit_update(user_id="ada", new_balance=1, change=1, reason="Test")
        found = modes(tmp_path)
        transport.down = False

    assert "o.db-wal" in found
    assert set(found.values()) == {0o600}


@pytest.mark.usefixtures("anything_goes")
async def test_nobody_else_may_hold_the_relays_lock(tmp_path: Path) -> None:
    backlog = SqliteOutbox(tmp_path / "app.db")
    try:
        with pytest.raises(OutboxError, match="no such table"):
            await backlog.read(limit=1, skip=())
        assert modes(tmp_path)["app.db.kull-relay"] == 0o600
    finally:
        await backlog.aclose()


async def test_looking_whether_the_file_is_there_lets_no_lock_go(tmp_path: Path) -> None:
    first = publisher_on(tmp_path / "o.db", MemoryTransport())
    async with first:
        private_file.create(tmp_path / "o.db")
        with pytest.raises(OutboxLocked):
            await publisher_on(tmp_path / "o.db", MemoryTransport()).__aenter__()


def test_a_file_keeps_its_mode_and_its_content(tmp_path: Path) -> None:
    path = tmp_path / "mine"
    path.write_text("mine")
    path.chmod(0o640)

    private_file.create(path)

    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("mine", 0o640)
