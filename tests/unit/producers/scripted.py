"""A transport whose every publish ends as the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NoReturn, TypeVar

from kull_producers import (
    Publisher,
)
from kull_producers.events.message import Message
from kull_producers.testing import MemoryTransport

T = TypeVar("T")


class ScriptedTransport:
    """Keeps each publish waiting until the test confirms or fails it."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[tuple[str, asyncio.Future[None]]] = asyncio.Queue()
        self.stored: list[str] = []
        self.messages: list[Message] = []  # all that was sent
        self.closed = False

    async def publish(self, message: Message) -> None:
        """Announce the publish in `sent` and wait for its end."""
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.messages.append(message)
        self.sent.put_nowait((message.message_id, end))
        await end
        self.stored.append(message.message_id)

    async def check_shard_count(self, shard_count: int) -> None:
        """Accept any count."""

    async def takes_batches(self) -> bool:
        """Yes."""
        return True

    async def blocked(self) -> bool:
        """Never."""
        return False

    async def aclose(self) -> None:
        """Note it."""
        self.closed = True

    async def next(self) -> tuple[str, asyncio.Future[None]]:
        """Return the next publish, waiting for it."""
        async with asyncio.timeout(5):
            return await self.sent.get()


class SwallowingTransport(MemoryTransport):
    """Meets a cancellation with an error, as `asyncio.wait_for` before Python 3.12 may.

    Attributes:
        swallows: names of the calls that do so, and never answer.
        calls: how many of these were made.
    """

    def __init__(self, *swallows: str, error: Exception) -> None:
        super().__init__()
        self.swallows = swallows
        self.calls = 0
        self._error = error

    async def publish(self, message: Message) -> None:
        if "publish" in self.swallows:
            await self._swallow()
        await super().publish(message)

    async def check_shard_count(self, shard_count: int) -> None:
        if "check_shard_count" in self.swallows:
            await self._swallow()
        await super().check_shard_count(shard_count)

    async def _swallow(self) -> NoReturn:
        self.calls += 1
        await swallowed(self._error)


async def swallowed(error: Exception) -> NoReturn:
    """Wait for ever; when cancelled raise that instead."""
    try:
        await asyncio.get_running_loop().create_future()
    except asyncio.CancelledError:
        raise error from None
    raise AssertionError("nobody ends it")


async def ended(task: asyncio.Task[T]) -> asyncio.Task[T]:
    """Return the task once it has ended; fail when it does not."""
    _, running = await asyncio.wait({task}, timeout=5)
    assert not running, "it goes on"
    return task


def at_once() -> float:
    return 0.0


async def credit(publisher: Publisher, key: str, *, user: str = "ada") -> str:
    return await publisher.credit_update(
        user_id=user, new_balance=1, change=1, reason="Test", idempotency_key=key
    )


def start(
    tasks: asyncio.TaskGroup, publisher: Publisher, keys: Iterable[str], *, user: str = "ada"
) -> list[asyncio.Task[str]]:
    return [
        tasks.create_task(credit(publisher, key, user=user), name=f"credit-{key}") for key in keys
    ]
