"""For tests of code that publishes: no RabbitMQ, and a record of what was published."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from kull_producers.contract.shard import DEFAULT_SHARD_COUNT
from kull_producers.errors import ConnectError, KullError, NoAnswer, NotRoutable, ShardCountMismatch
from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_producers.events.models import EVENTS
from kull_producers.publishing.publisher import Publisher


class MemoryTransport:
    """The in-memory twin of `rabbitmq.RabbitTransport`, with faults to order.

    Attributes:
        messages: what was confirmed, in the order of arrival.
        down: while true, every call raises ConnectError.
        hold: publishes wait for this event before they are confirmed; it is set at first.
        short: what `blocked` answers; combine it with `hold`.
        answers: while this event is not set the broker is silent: calls wait, and raise NoAnswer
            after `patience` seconds; it is set at first.
        batches: whether routers take several events in one message.
        dials: how often the shard count has been checked.
    """

    def __init__(self, *, shard_count: int = DEFAULT_SHARD_COUNT, patience: float = 15.0) -> None:
        self.messages: list[Message] = []
        self.down = False
        self.short = False
        self.batches = True
        self.hold = asyncio.Event()
        self.hold.set()
        self.answers = asyncio.Event()
        self.answers.set()
        self.dials = 0
        self._shard_count = shard_count
        self._patience = patience
        self._failures: list[KullError] = []
        self._closed = False

    def fail_next(self, *errors: KullError) -> None:
        """Let the next publishes fail with these errors, one each."""
        self._failures.extend(errors)

    async def publish(self, message: Message) -> None:
        """See `Transport.publish`."""
        self._check_connected()
        await self._answered()
        if message.exchange not in self._exchanges():
            raise NotRoutable(f"exchange {message.exchange!r} does not exist")
        if self._failures:
            raise self._failures.pop(0)
        await self.hold.wait()
        self._check_connected()
        self.messages.append(message)

    async def check_shard_count(self, shard_count: int) -> None:
        """See `Transport.check_shard_count`."""
        self.dials += 1
        self._check_connected()
        await self._answered()
        if shard_count != self._shard_count:
            raise ShardCountMismatch(
                f"the deployment has {self._shard_count} shards, not {shard_count}"
            )

    async def takes_batches(self) -> bool:
        """See `Transport.takes_batches`."""
        self._check_connected()
        await self._answered()
        return self.batches

    async def blocked(self) -> bool:
        """See `Transport.blocked`."""
        return self.short

    async def aclose(self) -> None:
        """See `Transport.aclose`."""
        self._closed = True

    async def _answered(self) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await self.answers.wait()
        except TimeoutError:
            raise NoAnswer("the in-memory broker is silent") from None

    def _exchanges(self) -> tuple[str, ...]:
        return (*EVENTS.exchanges, topology.BURSTS) if self.batches else EVENTS.exchanges

    def _check_connected(self) -> None:
        if self.down or self._closed:
            raise ConnectError("the in-memory transport is down or closed")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedEvent:
    """One event as the devices of one address would get it.

    Attributes:
        address: `user:<id>`, `room:<name>` or `all`.
        data: as on the wire, camelCase.
    """

    id: str
    type: str
    address: str
    data: dict[str, Any]


class InMemoryPublisher(Publisher):
    """A `Publisher` whose events go nowhere but into `events`. It validates like the real one."""

    def __init__(self) -> None:
        self.transport = MemoryTransport()
        super().__init__(self.transport)

    @property
    def events(self) -> list[PublishedEvent]:
        """What was published so far, in order, one entry per address."""
        return [_published(message) for message in self.transport.messages]


def _published(message: Message) -> PublishedEvent:
    return PublishedEvent(
        id=message.message_id,
        type=message.type,
        address=str(message.headers[topology.HEADER_ADDRESS]),
        data=json.loads(message.body)["data"],
    )
