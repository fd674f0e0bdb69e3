from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from kull_producers import Outbox, OutboxPublisher
from kull_producers.events.message import Message
from kull_producers.testing import MemoryTransport

USERS = 40
SETTLED = 1200  # events after which as much has been read ahead as ever is
MORE = 4000
REASON = "x" * 1000  # so MORE events are more than 4 MB
ROOM = 2_000_000  # bytes


class ForgetfulTransport(MemoryTransport):
    """Counts what it confirms and keeps none of it."""

    def __init__(self) -> None:
        super().__init__()
        self.confirmed = 0

    async def publish(self, message: Message) -> None:
        await super().publish(message)
        self.messages.clear()
        self.confirmed += 1


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


async def accept(publisher: OutboxPublisher, count: int) -> None:
    async def one_user(user: int) -> None:
        for number in range(count // USERS):
            await publisher.credit_update(
                user_id=f"u{user}", new_balance=number, change=1, reason=REASON
            )

    async with asyncio.TaskGroup() as tasks:
        for user in range(USERS):
            tasks.create_task(one_user(user), name=f"user-{user}")


def in_use() -> int:
    return tracemalloc.get_traced_memory()[0]


@pytest.mark.parametrize("rabbitmq", ["away", "silent"])
async def test_memory_does_not_grow_with_what_waits_nor_while_it_drains(
    tmp_path: Path, traced: None, rabbitmq: str
) -> None:
    transport = ForgetfulTransport()
    transport.down = rabbitmq == "away"
    transport.hold.clear()
    outbox = Outbox(path=tmp_path / "o.db", close_timeout=0.05)
    async with OutboxPublisher(transport, outbox, jitter=lambda: 0.01) as publisher:
        await accept(publisher, SETTLED)
        before = in_use()

        await accept(publisher, MORE)
        assert publisher.pending == SETTLED + MORE
        assert in_use() - before < ROOM

        tracemalloc.reset_peak()
        transport.down = False
        transport.hold.set()
        await publisher.flush(30)
        assert tracemalloc.get_traced_memory()[1] - before < ROOM

    assert transport.confirmed == SETTLED + MORE
