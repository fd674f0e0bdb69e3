"""One consumer on one queue, on a channel of its own: the router's `Channel` on RabbitMQ."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from pamqp import base, commands

from kull_producers.events.message import Message
from kull_router.broker.amqp import content
from kull_router.broker.amqp.channel import AmqpChannel
from kull_router.broker.amqp.wire import Wire
from kull_router.broker.port import MAX_BODY, Delivery
from kull_router.errors import BrokerError, ChannelClosed


class ConsumerChannel(AmqpChannel):
    """Deliveries wait here, at most `prefetch` of them, until they are received."""

    def __init__(self, wire: Wire, number: int) -> None:
        super().__init__(wire, number)
        self._waiting: deque[Delivery] = deque()
        self._wake = asyncio.Event()
        self._received = 0  # tag of the last delivery handed out
        self._acknowledged = 0
        self._held: deque[tuple[int, int]] = deque()  # tags and bytes of what is not acknowledged

    @property
    def unacknowledged(self) -> int:
        """How many deliveries are not acknowledged."""
        return len(self._held)

    async def consume(self, queue: str, prefetch: int) -> None:
        """Start consuming. Raises Refused, BrokerUnavailable."""
        await self.call(commands.Basic.Qos(prefetch_count=prefetch), commands.Basic.QosOk)
        await self.call(commands.Basic.Consume(queue=queue), commands.Basic.ConsumeOk)

    async def receive(self, limit: int) -> Sequence[Delivery]:
        """See `Channel.receive`."""
        while not self._waiting and self.error is None:
            self._wake.clear()
            await self._wake.wait()
        self.check()
        taken = [self._waiting.popleft() for _ in range(min(limit, len(self._waiting)))]
        self._received = taken[-1].tag
        return taken

    def ack(self, tag: int) -> None:
        """See `Channel.ack`."""
        self.check()
        if not 0 < tag <= self._received:
            raise BrokerError(f"delivery {tag} was not received on this channel")
        if tag > self._acknowledged:  # RabbitMQ closes the channel when a tag comes twice
            self._acknowledged = tag
            self._let_go(tag)
            self._wire.send(self.number, commands.Basic.Ack(delivery_tag=tag, multiple=True))

    def remove(self, tag: int) -> None:
        """See `Inspection.remove`: once for each delivery, and never beside `ack`."""
        self.check()
        self._wire.send(self.number, commands.Basic.Ack(delivery_tag=tag, multiple=False))

    def handle_delivery(
        self, deliver: content.Deliver, properties: content.Properties, body: bytes
    ) -> None:
        """Keep a delivery until it is received."""
        if self.error is not None:
            return  # on its way when the channel was closed: it returns to the queue
        message = Message(
            exchange=deliver.exchange,
            routing_key=deliver.routing_key,
            body=body,
            message_id=properties.message_id,
            type=properties.type,
            app_id=properties.app_id,
            headers=properties.headers,
        )
        too_large = properties.size if properties.size > MAX_BODY else 0
        self._waiting.append(Delivery(deliver.tag, message, deliver.redelivered, too_large))
        self._held.append((deliver.tag, len(body)))
        self._wire.hold(len(body))
        self._wake.set()

    def handle_event(self, method: base.Frame) -> bool:
        """Take a cancel by RabbitMQ: the queue was deleted, or has lost its leader."""
        if isinstance(method, commands.Basic.Cancel):
            self.abandon()
            return True
        return False

    def closed(self, error: BrokerError) -> None:
        """Wake the receiver; what was not received returns to the queue."""
        super().closed(error)
        self._waiting.clear()
        if self._held:
            self._let_go(self._held[-1][0])
        self._wake.set()

    def _let_go(self, tag: int) -> None:
        size = 0
        while self._held and self._held[0][0] <= tag:
            size += self._held.popleft()[1]
        self._wire.hold(-size)

    def check(self) -> None:
        """See `Channel.check`."""
        if self.error is not None:
            raise ChannelClosed(str(self.error)) from self.error
