from __future__ import annotations

from pathlib import Path

import pytest

from kull_producers import (
    OutboxFull,
)
from kull_producers.testing import MemoryTransport
from tests.unit.producers.outbox.publishers import (
    credit,
    credits_of,
    ids,
    publisher_on,
)


@pytest.mark.parametrize(("max_rows", "max_bytes"), [(2, 10**6), (1000, 1100)])
async def test_a_full_outbox_refuses_and_takes_more_once_drained(
    tmp_path: Path, max_rows: int, max_bytes: int
) -> None:
    transport = MemoryTransport()
    transport.down = True
    async with publisher_on(
        tmp_path / "o.db", transport, max_rows=max_rows, max_bytes=max_bytes
    ) as publisher:
        await credits_of(publisher, ["e-1", "e-2"])
        with pytest.raises(OutboxFull, match="not accepted: look at RabbitMQ"):
            await credit(publisher, "e-3")
        transport.down = False
        await publisher.flush(5)
        await credit(publisher, "e-4")
        await publisher.flush(5)

    assert ids(transport) == ["e-1", "e-2", "e-4"]


async def test_a_full_disk_is_a_clear_error_and_loses_nothing(tmp_path: Path) -> None:
    transport = MemoryTransport()
    transport.down = True
    accepted = []
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        assert publisher._store is not None
        await publisher._store._writer.submit(
            lambda db: db.execute("PRAGMA max_page_count = 20").fetchall()
        )
        with pytest.raises(OutboxFull, match=r"disk of the outbox .* is full"):
            for number in range(1000):
                await credit(publisher, f"e-{number}")
                accepted.append(f"e-{number}")
        assert publisher.pending == len(accepted) > 10
        transport.down = False
        await publisher.flush(5)
        await credit(publisher, "later")
        await publisher.flush(5)

    assert ids(transport) == [*accepted, "later"]
