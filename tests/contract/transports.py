"""What a transport is tested on: its twins, and a RabbitMQ behind a proxy."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Protocol
from urllib.parse import urlsplit

from kull_producers.events.message import Message
from kull_producers.publishing.bursts import Bursts
from kull_producers.publishing.transport import Transport
from kull_producers.testing import MemoryTransport
from kull_router.broker.port import Broker
from kull_router.delivery import ingest
from tests.support.brokers import SHARDS, open_shard, take
from tests.support.tcp_proxy import TcpProxy


class Target(Protocol):
    """A transport, and a look at what it has stored."""

    @property
    def transport(self) -> Transport:
        """What is tested."""
        ...

    async def stored(self, count: int) -> list[Message]:
        """Return the first `count` stored messages, in order."""
        ...


class TwinTarget:
    def __init__(self) -> None:
        self.transport = MemoryTransport(shard_count=SHARDS, patience=0.5)

    async def stored(self, count: int) -> list[Message]:
        return self.transport.messages[:count]

    def silence(self) -> None:
        self.transport.answers.clear()

    def restore(self) -> None:
        self.transport.answers.set()


class BrokerTarget:
    def __init__(self, transport: Transport, broker: Broker) -> None:
        self.transport = transport
        self._broker = broker

    async def stored(self, count: int) -> list[Message]:
        channel = await self._broker.consume("audit", single_active=False, prefetch=1000)
        return [delivery.message for delivery in await take(channel, count)]


class BurstsTarget:
    """Events that wait together travel together, over a transport to a broker."""

    def __init__(self, transport: Transport, broker: Broker) -> None:
        self.transport = Bursts(transport)
        self._broker = broker

    async def stored(self, count: int) -> list[Message]:
        channel = await open_shard(self._broker, prefetch=1000)
        found: list[Message] = []
        async with asyncio.timeout(5):
            while len(found) < count:
                for delivery in await channel.receive(1):
                    found += ingest.apart(delivery.message)
        return found


async def proxied(stack: AsyncExitStack, url: str) -> tuple[TcpProxy, str]:
    parts = urlsplit(url)
    assert parts.hostname
    proxy = await stack.enter_async_context(TcpProxy(parts.hostname, parts.port or 5672))
    return proxy, url.replace(f"{parts.hostname}:{parts.port}", f"127.0.0.1:{proxy.port}")


def several(url: str, *ports: int) -> str:
    """Return an AMQP URL of all these ports of 127.0.0.1, else as it was."""
    parts = urlsplit(url)
    hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
    return parts._replace(netloc=f"{parts.username}:{parts.password}@{hosts}").geturl()
