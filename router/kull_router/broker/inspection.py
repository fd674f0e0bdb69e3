"""A look at the messages of a RabbitMQ queue, which stay there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from pamqp import commands

from kull_router.broker.amqp import AmqpChannel, AmqpConnection, AmqpUrl, ConsumerChannel
from kull_router.broker.port import INSPECTED_BYTES, MOST_INSPECTED, Delivery

PATIENCE: Final = 2.0  # seconds without another message: somebody else has the rest, or it is large


class RabbitInspection:
    """An `Inspection` on a connection of its own."""

    def __init__(self, connection: AmqpConnection, waiting: int) -> None:
        self.waiting = waiting
        self.deliveries: Sequence[Delivery] = ()
        self._connection = connection
        self._channel: ConsumerChannel | None = None

    @classmethod
    async def open(cls, url: AmqpUrl, queue: str, *, name: str, limit: int) -> RabbitInspection:
        """Connect and take messages. Raises BrokerUnavailable, Refused."""
        connection = await AmqpConnection.open(
            url, name=name, on_lost=lambda: None, max_held=INSPECTED_BYTES
        )
        try:
            inspection = cls(connection, await depth_of(connection, queue))
            await inspection._take(queue, min(limit, MOST_INSPECTED, inspection.waiting))
        except BaseException:
            await connection.aclose()
            raise
        return inspection

    async def _take(self, queue: str, count: int) -> None:
        if not count:
            return
        self._channel = await self._connection.channel(ConsumerChannel)
        await self._channel.consume(queue, count)
        taken: list[Delivery] = []
        try:
            while len(taken) < count:
                async with asyncio.timeout(PATIENCE):
                    taken += await self._channel.receive(count - len(taken))
        except TimeoutError:
            pass  # the count was that of a moment
        self.deliveries = taken

    def remove(self, tag: int) -> None:
        """See `Inspection.remove`."""
        assert self._channel is not None, "there are no tags without a channel"
        self._channel.remove(tag)

    async def aclose(self) -> None:
        """See `Inspection.aclose`. What was removed is gone when RabbitMQ has answered."""
        if self._channel is not None:
            await self._channel.aclose()
        await self._connection.aclose()


async def depth_of(connection: AmqpConnection, queue: str) -> int:
    """Return how many messages are ready in a queue. Raises BrokerUnavailable, Refused."""
    channel = await connection.channel(AmqpChannel)
    try:
        there = await channel.call(
            commands.Queue.Declare(queue=queue, passive=True), commands.Queue.DeclareOk
        )
        return there.message_count or 0
    finally:
        channel.abandon()
