"""One AMQP channel: methods with their answers, content put together, and its end."""

from __future__ import annotations

import asyncio
from typing import Final, TypeVar

import structlog
from pamqp import base, commands, frame

from kull_router.broker.amqp import content
from kull_router.broker.amqp.frames import BODY, HEADER, METHOD, Frame
from kull_router.broker.amqp.wire import Wire
from kull_router.broker.port import KEPT, MAX_BODY
from kull_router.errors import BrokerError, ChannelClosed

log = structlog.get_logger(__name__)

CLOSE_SECONDS: Final = 5.0  # for RabbitMQ to answer a close

_Answer = TypeVar("_Answer", bound=base.Frame)


class AmqpChannel:
    """A channel on a connection. One call at a time; a call that is cancelled ends the channel."""

    def __init__(self, wire: Wire, number: int) -> None:
        self.number = number
        self.error: BrokerError | None = None  # why the channel is closed
        self._wire = wire
        self._call: asyncio.Future[base.Frame] | None = None
        self._close_answered = asyncio.Event()
        self._content: content.Deliver | commands.Basic.Return | None = None
        self._properties: content.Properties | None = None
        self._chunks: list[bytes] = []
        self._missing = 0  # bytes of the body that have not come yet
        self._wanted = 0  # of those, how many are kept

    @property
    def unacknowledged(self) -> int:
        """How many deliveries are not acknowledged: none, unless it consumes."""
        return 0

    async def call(self, request: base.Frame, answer: type[_Answer]) -> _Answer:
        """Send a method and return its answer. Raises Refused, BrokerUnavailable, ChannelClosed."""
        self.check_open()
        self._call = asyncio.get_running_loop().create_future()
        self._wire.send(self.number, request)
        try:
            found = await self._call
        except asyncio.CancelledError:
            self.abandon()  # its answer may still come, nothing else can be asked here
            raise
        finally:
            self._call = None
        if not isinstance(found, answer):
            self.abandon()
            raise BrokerError(f"RabbitMQ answered {request.name} with {found.name}")
        return found

    def check_open(self) -> None:
        """Raise why the channel is closed, if it is."""
        if self.error is not None:
            raise self.error

    def abandon(self) -> None:
        """Close without waiting for RabbitMQ's answer. Idempotent."""
        if self.error is None:
            self._wire.send(self.number, commands.Channel.Close(200, "", 0, 0))
            self.closed(ChannelClosed("the channel was closed here"))

    async def aclose(self) -> None:
        """Close the channel and wait a bounded time for the answer. Idempotent."""
        if self.error is None:
            self.abandon()
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._close_answered.wait()
            except TimeoutError:
                log.warning("channel_close_unanswered", channel=self.number)

    def lost(self, error: BrokerError) -> None:
        """Note that the connection is gone."""
        self._close_answered.set()
        self.closed(error)

    def closed(self, error: BrokerError) -> None:
        """Note the end; the first reason counts. Subclasses wake up who waits."""
        if self.error is None:
            self.error = error
        if self._call is not None and not self._call.done():
            self._call.set_exception(self.error)

    def handle(self, received: Frame) -> None:
        """Take a frame of this channel."""
        if received.kind == METHOD:
            if received.payload.startswith(content.DELIVER):
                self._content = content.read_deliver(received.payload)
            else:
                self._handle_method(received)
        elif received.kind == HEADER:
            self._properties = content.read_properties(received.payload)
            size = self._properties.size
            self._missing, self._chunks = size, []
            self._wanted = size if size <= MAX_BODY else KEPT
            self._finish_content()
        elif received.kind == BODY:
            self._missing -= len(received.payload)
            if self._wanted:
                chunk = received.payload[: self._wanted]
                self._chunks.append(chunk)
                self._wanted -= len(chunk)
            self._finish_content()

    def _handle_method(self, received: Frame) -> None:
        method = decoded(received)
        match method:
            case commands.Basic.Return():
                self._content = method
            case commands.Channel.Close():
                self._wire.refused(self, method)
            case commands.Channel.CloseOk():
                self._wire.freed(self)
                self._close_answered.set()
            case _ if self.handle_event(method):
                pass
            case _ if self._call is not None and not self._call.done():
                self._call.set_result(method)
            case _:
                log.debug("method_after_close", method=method.name, channel=self.number)

    def handle_event(self, method: base.Frame) -> bool:
        """Take a method that answers no call; return whether it was one."""
        return False

    def handle_delivery(
        self, deliver: content.Deliver, properties: content.Properties, body: bytes
    ) -> None:
        """Take a complete delivery; of a body above MAX_BODY its beginning."""

    def handle_return(self, returned: commands.Basic.Return, message_id: str) -> None:
        """Take a message that could not be routed."""

    def _finish_content(self) -> None:
        if self._missing > 0 or self._properties is None:
            return
        found, properties = self._content, self._properties
        body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._content, self._properties, self._chunks = None, None, []
        if properties.problem:
            log.warning("properties_unreadable", problem=properties.problem)
        if isinstance(found, content.Deliver):
            self.handle_delivery(found, properties, body)
        elif found is not None:
            self.handle_return(found, properties.message_id)


def decoded(received: Frame) -> base.Frame:
    """Return the method in a frame."""
    _, _, method = frame.unmarshal(
        b"\x01\x00\x00" + len(received.payload).to_bytes(4) + received.payload + b"\xce"
    )
    assert isinstance(method, base.Frame)
    return method
