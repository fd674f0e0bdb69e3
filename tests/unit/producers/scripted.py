"""A transport whose every publish ends as the test says."""

from __future__ import annotations

import asyncio

from kull_producers.events.message import Message


class ScriptedTransport:
    """Keeps each publish waiting until the test confirms or fails it."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[tuple[str, asyncio.Future[None]]] = asyncio.Queue()
        self.stored: list[str] = []
        self.closed = False

    async def publish(self, message: Message) -> None:
        """Announce the publish in `sent` and wait for its end."""
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent.put_nowait((message.message_id, end))
        await end
        self.stored.append(message.message_id)

    async def check_shard_count(self, shard_count: int) -> None:
        """Accept any count."""

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
