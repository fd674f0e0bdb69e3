from __future__ import annotations

from pathlib import Path

from kull_producers.testing import MemoryTransport
from tests.unit.producers.outbox.publishers import (
    credits_of,
    publisher_on,
)


async def test_concurrent_calls_share_commits(tmp_path: Path) -> None:
    transport = MemoryTransport()
    transport.down = True
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        assert publisher._store is not None
        before = publisher._store._writer.commits
        await credits_of(publisher, [f"e-{n}" for n in range(200)])
        assert publisher._store._writer.commits - before < 50
