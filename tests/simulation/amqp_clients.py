"""The ports towards RabbitMQ on a simulated connection: a router's and a publisher's."""

from __future__ import annotations

import asyncio
from typing import Final

from kull_producers import errors as producer_errors
from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_router.broker.memory import MemoryInspection
from kull_router.broker.memory_server import Unroutable
from kull_router.broker.port import BrokerFigures
from kull_router.errors import BrokerError, BrokerUnavailable
from tests.simulation.loop import Process
from tests.simulation.rabbit import AmqpConnection, Rabbit, SimChannel

RECONNECT: Final = (0.05, 1.5)  # seconds until a client has a new connection


class SimBroker:
    """A router's `Broker`."""

    def __init__(self, rabbit: Rabbit, process: Process) -> None:
        self.connection = AmqpConnection(rabbit, process)
        self._rabbit = rabbit
        self._shard_count = 0  # once it has started

    @property
    def connected(self) -> bool:
        """See `Broker.connected`."""
        return self.connection.connected

    @property
    def blocked(self) -> bool:
        """See `Broker.blocked`: never."""
        return False

    @property
    def figures(self) -> BrokerFigures:
        """See `Broker.figures`."""
        return self.connection.inner.figures

    async def start(self, shard_count: int) -> None:
        """See `Broker.start`."""
        while True:
            try:
                await self.connection.open()
                self._shard_count = shard_count
                return await self.connection.inner.start(shard_count)
            except BrokerUnavailable:
                await asyncio.sleep(self._rabbit.net.draw(*RECONNECT))

    async def consume(self, queue: str, *, single_active: bool, prefetch: int) -> SimChannel:
        """See `Broker.consume`."""
        await self.connection.open()
        connection, inner = self.connection, self.connection.inner
        await asyncio.sleep(self._rabbit.net.latency())
        await connection.answered(inner)
        found = await inner.consume(queue, single_active=single_active, prefetch=prefetch)
        channel = SimChannel(connection, found)
        connection.channels = [each for each in connection.channels if not each._closed]
        connection.channels.append(channel)
        return channel

    async def depth(self, queue: str) -> int:
        """See `Broker.depth`."""
        await self.connection.open()
        return await self.connection.inner.depth(queue)

    async def inspect(self, queue: str, limit: int) -> MemoryInspection:
        """See `Broker.inspect`."""
        await self.connection.open()
        return await self.connection.inner.inspect(queue, limit)

    async def repair(self) -> None:
        """See `Broker.repair`."""
        await self.connection.open()
        inner = self.connection.inner
        await asyncio.sleep(2 * self._rabbit.net.latency())
        await self.connection.answered(inner)
        await inner.start(self._shard_count)

    async def publish(self, message: Message) -> None:
        """See `Broker.publish`."""
        try:
            await self.connection.publish(message)
        except BrokerError:
            raise
        except Exception as error:
            raise BrokerError(str(error)) from error

    async def aclose(self) -> None:
        """See `Broker.aclose`."""
        self.connection.cut()


class SimTransport:
    """A publisher's `Transport`."""

    def __init__(self, rabbit: Rabbit, process: Process) -> None:
        self.connection = AmqpConnection(rabbit, process)
        self._rabbit = rabbit

    async def publish(self, message: Message) -> None:
        """See `Transport.publish`."""
        try:
            await self.connection.publish(message)
        except BrokerUnavailable as error:
            raise producer_errors.ConnectError(str(error)) from error
        except Unroutable as error:
            raise producer_errors.NotRoutable(str(error)) from error

    async def check_shard_count(self, shard_count: int) -> None:
        """See `Transport.check_shard_count`."""
        try:
            await self.connection.open()
            await self.connection.answered(self.connection.inner)
        except BrokerUnavailable as error:
            raise producer_errors.ConnectError(str(error)) from error
        if topology.shard_count_mark(shard_count) not in self._rabbit.server.exchanges:
            raise producer_errors.ShardCountMismatch("no router has created the topology yet")

    async def takes_batches(self) -> bool:
        """See `Transport.takes_batches`."""
        try:
            await self.connection.open()
            await self.connection.answered(self.connection.inner)
        except BrokerUnavailable as error:
            raise producer_errors.ConnectError(str(error)) from error
        return topology.BURSTS in self._rabbit.server.exchanges

    async def blocked(self) -> bool:
        """See `Transport.blocked`: never."""
        return False

    async def aclose(self) -> None:
        """See `Transport.aclose`."""
        self.connection.cut()
