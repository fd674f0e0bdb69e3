"""How the relay ends; what it does is in tests/integration/test_outbox_sql.py."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import pytest

from kull_producers.errors import OutboxError
from kull_producers.outbox.row import OutboxRow, row_of, values_of
from kull_producers.outbox.sql_relay import SqlRelay
from kull_producers.testing import InMemoryPublisher, MemoryTransport
from tests.support.until import until
from tests.unit.producers.scripted import ended, swallowed


class SwallowingBacklog:
    """One row; the named call never answers, and meets a cancellation with an error."""

    def __init__(self, row: OutboxRow, swallows: str) -> None:
        self.calls = 0
        self._rows = [row]
        self._swallows = swallows

    async def read(self, *, limit: int, skip: Collection[str]) -> list[OutboxRow]:
        await self._maybe("read")
        return self._rows

    async def sent(self, ids: Sequence[int], sent_ms: int) -> None:
        await self._maybe("sent")
        self._rows = []

    async def refuse(self, row: OutboxRow, reason: str) -> None:
        raise AssertionError("nothing is refused")

    async def retry_refused(self) -> int:
        return 0

    async def delete_sent(self, before_ms: int, limit: int) -> int:
        await self._maybe("delete_sent")
        return 0

    async def count(self) -> tuple[int, int, int | None]:
        return len(self._rows), 0, None

    async def aclose(self) -> None:
        """Nothing to let go of."""

    async def _maybe(self, call: str) -> None:
        if call == self._swallows:
            self.calls += 1
            await swallowed(OutboxError("the database is gone"))


async def row() -> OutboxRow:
    async with InMemoryPublisher() as publisher:
        await publisher.prompt_change(prompt_id="p", action="voted", user_ids=["ada"])
        [message] = publisher.transport.messages
    return row_of([1, *values_of(message, 1_700_000_000_000)])


@pytest.mark.parametrize("call", ["read", "sent", "delete_sent"])
async def test_it_ends_when_it_is_told_to_although_the_database_is_lost_at_that_moment(
    call: str,
) -> None:
    backlog = SwallowingBacklog(await row(), call)
    relay = SqlRelay(backlog, MemoryTransport(), keep=0.01, jitter=lambda: 0.0)
    running = asyncio.create_task(relay.run(), name="relay")
    await until(lambda: backlog.calls == 1)
    running.cancel()

    assert (await ended(running)).cancelled()
