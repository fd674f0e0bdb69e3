"""Publishers with an outbox, on transports that fail as the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path

from kull_producers import (
    Outbox,
    OutboxPublisher,
)
from kull_producers.contract.shard import DEFAULT_SHARD_COUNT
from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_producers.testing import MemoryTransport
from tests.unit.producers.scripted import ScriptedTransport


class FaultyTransport(MemoryTransport):
    """Fails publishes by their content, and checks of the shard count in order."""

    def __init__(self, fault: Callable[[Message], Exception | None]) -> None:
        super().__init__()
        self.attempts: list[str] = []
        self.check_failures: list[Exception] = []
        self._fault = fault

    async def publish(self, message: Message) -> None:
        self.attempts.append(message.message_id)
        error = self._fault(message)
        if error is not None:
            raise error
        await super().publish(message)

    async def check_shard_count(self, shard_count: int) -> None:
        if self.check_failures:
            raise self.check_failures.pop(0)
        await super().check_shard_count(shard_count)


def at_once() -> float:
    return 0.0


def publisher_on(
    path: Path,
    transport: MemoryTransport | ScriptedTransport,
    *,
    max_rows: int = 1000,
    max_bytes: int = 10**6,
    in_flight: int = 16,
    shard_count: int = DEFAULT_SHARD_COUNT,
    now: Callable[[], float] = lambda: 1_700_000_000.0,
) -> OutboxPublisher:
    return OutboxPublisher(
        transport,
        Outbox(path=path, max_rows=max_rows, max_bytes=max_bytes, close_timeout=0.05),
        in_flight=in_flight,
        shard_count=shard_count,
        jitter=at_once,
        now=now,
    )


async def credit(publisher: OutboxPublisher, key: str, *, user: str = "ada") -> str:
    return await publisher.credit_update(
        user_id=user, new_balance=1, change=1, reason="Test", idempotency_key=key
    )


async def credits_of(publisher: OutboxPublisher, keys: Iterable[str], *, user: str = "ada") -> None:
    async with asyncio.TaskGroup() as tasks:
        for key in keys:
            tasks.create_task(credit(publisher, key, user=user), name=f"credit-{key}")


def ids(transport: MemoryTransport, *, user: str | None = None) -> list[str]:
    return [
        message.message_id
        for message in transport.messages
        if user is None or message.headers[topology.HEADER_ADDRESS] == f"user:{user}"
    ]
