"""A look at the messages of a RabbitMQ queue, which stay there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain, repeat
from typing import Final

from pamqp import commands

from kull_router.broker.amqp import AmqpChannel, AmqpConnection, AmqpUrl, ConsumerChannel
from kull_router.broker.port import INSPECTED_BYTES, MOST_INSPECTED, Delivery
from kull_router.errors import BrokerError

PATIENCE: Final = 2.0  # seconds without another message: somebody else has the rest, or it is large
PUT_BACK: Final = 2.0  # seconds for RabbitMQ to put back what was looked at
LOOK_EVERY: Final = 0.02


class RabbitInspection:
    """An `Inspection` on a connection of its own."""

    def __init__(self, connection: AmqpConnection, queue: str, waiting: int) -> None:
        self.waiting = waiting
        self.deliveries: Sequence[Delivery] = ()
        self._connection = connection
        self._queue = queue
        self._removed = 0
        self._closed = False
        self._channel: ConsumerChannel | None = None

    @classmethod
    async def open(cls, url: AmqpUrl, queue: str, *, name: str, limit: int) -> RabbitInspection:
        """Connect and take messages. Raises BrokerUnavailable, Refused."""
        connection = await AmqpConnection.open(
            url, name=name, on_lost=lambda: None, max_held=INSPECTED_BYTES
        )
        try:
            inspection = cls(connection, queue, await depth_of(connection, queue))
            await inspection._take(min(limit, MOST_INSPECTED, inspection.waiting))
        except BaseException:
            await connection.aclose()
            raise
        return inspection

    async def _take(self, count: int) -> None:
        if not count:
            return
        self._channel = await self._connection.channel(ConsumerChannel)
        await self._channel.consume(self._queue, count)
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
        self._removed += 1

    async def aclose(self) -> None:
        """See `Inspection.aclose`. What was removed is gone when RabbitMQ has answered."""
        if self._closed:
            return
        self._closed = True
        try:
            if self._channel is not None:
                await self._channel.aclose()
                await self._put_back()
        finally:
            await self._connection.aclose()

    async def _put_back(self) -> None:
        """Wait until the rest is there again: quorum queues learn later that a channel is gone."""
        if self._removed == len(self.deliveries):
            return
        left = self.waiting - self._removed
        with suppress(TimeoutError, BrokerError):  # somebody else may have it, or RabbitMQ be gone
            async with asyncio.timeout(PUT_BACK):
                for pause in chain((0.0,), repeat(LOOK_EVERY)):
                    await asyncio.sleep(pause)
                    if await depth_of(self._connection, self._queue) >= left:
                        return


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
