"""One way to reach both brokers, for the suites that hold them to the same promises."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Protocol

import aio_pika

from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_router.broker.layout import BindingSpec, Layout, QueueSpec
from kull_router.broker.memory import MemoryBroker
from kull_router.broker.memory_server import MemoryServer
from kull_router.broker.port import Broker, Channel, Delivery
from kull_router.broker.rabbitmq import RabbitBroker

SHARDS = 2


class Rig(Protocol):
    """A message broker, and routers on it."""

    async def router(self, shard_count: int = SHARDS) -> Broker:
        """Return the started broker of one more router."""
        ...

    async def third_party(self, exchange: str) -> None:
        """Bind a queue of somebody else to everything on a public exchange."""
        ...

    async def delete_queue(self, name: str) -> None:
        """Delete a queue, as an operator by mistake."""
        ...

    async def delete_exchange(self, name: str) -> None:
        """Delete an exchange."""
        ...

    async def unbind(self, binding: BindingSpec) -> None:
        """Remove a binding."""
        ...


class MemoryRig:
    """Routers on one in-memory server."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._server = MemoryServer()

    async def router(self, shard_count: int = SHARDS) -> MemoryBroker:
        broker = MemoryBroker(self._server)
        self._stack.push_async_callback(broker.aclose)
        await broker.start(shard_count)
        return broker

    async def third_party(self, exchange: str) -> None:
        self._server.create(
            Layout(
                exchanges=[],
                queues=[QueueSpec(name="audit")],
                bindings=[BindingSpec(source=exchange, destination="audit", pattern="#")],
            )
        )

    async def delete_queue(self, name: str) -> None:
        self._server.delete_queue(name)

    async def delete_exchange(self, name: str) -> None:
        self._server.delete_exchange(name)

    async def unbind(self, binding: BindingSpec) -> None:
        self._server.unbind(binding)


class RabbitRig:
    """Routers on one virtual host of a RabbitMQ."""

    def __init__(self, stack: AsyncExitStack, url: str) -> None:
        self._stack = stack
        self.url = url

    async def router(self, shard_count: int = SHARDS) -> RabbitBroker:
        broker = RabbitBroker(self.url)
        self._stack.push_async_callback(broker.aclose)
        await broker.start(shard_count)
        return broker

    async def third_party(self, exchange: str) -> None:
        async with await aio_pika.connect(self.url) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue("audit", durable=True)
            await queue.bind(exchange, "#")

    async def delete_queue(self, name: str) -> None:
        async with await aio_pika.connect(self.url) as connection:
            await (await connection.channel()).queue_delete(name)

    async def delete_exchange(self, name: str) -> None:
        async with await aio_pika.connect(self.url) as connection:
            await (await connection.channel()).exchange_delete(name)

    async def unbind(self, binding: BindingSpec) -> None:
        async with await aio_pika.connect(self.url) as connection:
            channel = await connection.channel()
            source = await channel.get_exchange(binding.source)
            if binding.to_exchange:
                to = await channel.get_exchange(binding.destination)
                await to.unbind(source, binding.pattern)
            else:
                queue = await channel.get_queue(binding.destination)
                await queue.unbind(source, binding.pattern)


def event(number: int, *, shard: int = 0, user: str = "ada") -> Message:
    """Return a credit event that is routed to a shard."""
    return Message(
        exchange=topology.CREDIT,
        routing_key=f"{shard:02d}.user.{user}.credit_update",
        body=b'{"id":"%d"}' % number,
        message_id=str(number),
        type="CREDIT_UPDATE",
        app_id="test",
        headers={topology.HEADER_ADDRESS: f"user:{user}", topology.HEADER_VERSION: number},
    )


async def open_shard(broker: Broker, shard: int = 0, *, prefetch: int = 100) -> Channel:
    """Consume a shard's queue."""
    return await broker.consume(topology.shard_queue(shard), single_active=True, prefetch=prefetch)


async def take(channel: Channel, count: int) -> list[Delivery]:
    """Receive exactly `count` deliveries, or fail after 5 s."""
    taken: list[Delivery] = []
    async with asyncio.timeout(5):
        while len(taken) < count:
            taken += await channel.receive(count - len(taken))
    return taken


def ids(deliveries: Sequence[Delivery]) -> list[str]:
    """Return the ids of the messages."""
    return [delivery.message.message_id for delivery in deliveries]
