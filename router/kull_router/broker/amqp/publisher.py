"""A channel that publishes with confirms."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from pamqp import base, commands

from kull_producers.events.message import Message
from kull_router.broker.amqp import content
from kull_router.broker.amqp.channel import AmqpChannel
from kull_router.broker.amqp.wire import Wire
from kull_router.errors import BrokerError, BrokerUnavailable


@dataclass(slots=True)
class _Unconfirmed:
    message: Message
    done: asyncio.Future[None]
    returned: str = field(default="")  # RabbitMQ's words when no queue takes the message


class PublisherChannel(AmqpChannel):
    """Many publishes may be in flight; they leave in the order of the calls."""

    def __init__(self, wire: Wire, number: int) -> None:
        super().__init__(wire, number)
        self._last_tag = 0
        self._unconfirmed: dict[int, _Unconfirmed] = {}  # in the order of their tags
        self._order = asyncio.Lock()

    async def confirm(self) -> None:
        """Ask for confirms, before the first publish."""
        await self.call(commands.Confirm.Select(), commands.Confirm.SelectOk)

    async def publish(self, message: Message) -> None:
        """Publish persistently, mandatory unless optional, and return once confirmed.

        Raises:
            BrokerError: no queue takes it that must be taken, or it cannot be encoded.
            BrokerUnavailable: the connection was lost, or RabbitMQ could not store the message.
            Refused: RabbitMQ closed the channel, perhaps because of another message.
        """
        try:
            data = content.encode_publish(
                message, channel=self.number, max_frame=self._wire.max_frame
            )
        except ValueError as error:
            raise BrokerError(f"cannot publish {message.message_id!r}: {error}") from error
        async with self._order:
            await self._wire.writable()
            self.check_open()
            self._last_tag += 1
            waiting = _Unconfirmed(message, asyncio.get_running_loop().create_future())
            self._unconfirmed[self._last_tag] = waiting
            self._wire.write(data)
        await waiting.done

    def handle_event(self, method: base.Frame) -> bool:
        """Take a confirm."""
        if isinstance(method, commands.Basic.Ack | commands.Basic.Nack):
            acknowledged = isinstance(method, commands.Basic.Ack)
            if not method.multiple:
                self._settle(method.delivery_tag, acknowledged)
                return True
            while self._unconfirmed:
                oldest = next(iter(self._unconfirmed))
                if oldest > method.delivery_tag:
                    break
                self._settle(oldest, acknowledged)
            return True
        return False

    def handle_return(self, returned: commands.Basic.Return, message_id: str) -> None:
        """Note that a message reached no queue; its confirm follows.

        A return carries no tag. The oldest open publish of the same exchange, key and id is meant:
        what is routed alike is returned alike.
        """
        for waiting in self._unconfirmed.values():
            message = waiting.message
            if not waiting.returned and (
                message.exchange == returned.exchange
                and message.routing_key == returned.routing_key
                and message.message_id == message_id
            ):
                waiting.returned = returned.reply_text or "NO_ROUTE"
                return

    def closed(self, error: BrokerError) -> None:
        """Fail what is open: nobody knows whether RabbitMQ has it."""
        super().closed(error)
        for waiting in self._unconfirmed.values():
            if not waiting.done.done():
                waiting.done.set_exception(error)
        self._unconfirmed.clear()

    def _settle(self, tag: int, acknowledged: bool) -> None:
        waiting = self._unconfirmed.pop(tag, None)
        if waiting is None or waiting.done.done():  # the publisher has been cancelled
            return
        message = waiting.message
        where = f"exchange {message.exchange or '(default)'}, routing key {message.routing_key!r}"
        if waiting.returned:
            waiting.done.set_exception(BrokerError(f"no queue takes {where}: {waiting.returned}"))
        elif acknowledged:
            waiting.done.set_result(None)
        else:
            waiting.done.set_exception(
                BrokerUnavailable(f"RabbitMQ could not store a message: {where}")
            )
