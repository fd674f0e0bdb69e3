"""What a transport is tested on: its twins, and a RabbitMQ behind a proxy."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Protocol
from urllib.parse import urlsplit

from kull_producers.events.message import Message
from kull_producers.publishing.transport import Transport
from kull_producers.testing import MemoryTransport
from kull_router.broker.port import Broker
from tests.support.brokers import SHARDS, take
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


async def proxied(stack: AsyncExitStack, url: str) -> tuple[TcpProxy, str]:
    parts = urlsplit(url)
    assert parts.hostname
    proxy = await stack.enter_async_context(TcpProxy(parts.hostname, parts.port or 5672))
    return proxy, url.replace(f"{parts.hostname}:{parts.port}", f"127.0.0.1:{proxy.port}")
