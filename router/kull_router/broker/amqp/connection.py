"""One connection to RabbitMQ: handshake, heartbeats, channels, and its end."""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Callable
from typing import Final, TypeVar

import structlog
from pamqp import base, commands, frame, header, heartbeat
from pamqp.common import FieldTable
from pamqp.exceptions import PAMQPException

from kull_router.broker.amqp.channel import AmqpChannel, decoded
from kull_router.broker.amqp.errors import BadFrame, Refused
from kull_router.broker.amqp.frames import HEARTBEAT, MAX_FRAME, METHOD, Frame, FrameReader
from kull_router.broker.amqp.url import AmqpUrl
from kull_router.broker.amqp.wire import Numbered
from kull_router.errors import BrokerUnavailable

log = structlog.get_logger(__name__)

CONNECT_SECONDS: Final = 10.0
HEARTBEAT_SECONDS: Final = 8  # RabbitMQ gives a silent router up after about three of them
MAX_CHANNELS: Final = 2_000
MAX_HELD: Final = 64 * 2**20  # bytes
_CAPABILITIES: Final[FieldTable] = {
    "publisher_confirms": True,
    "consumer_cancel_notify": True,
    "connection.blocked": True,
    "authentication_failure_close": True,
}

_Answer = TypeVar("_Answer", bound=base.Frame)
_Channel = TypeVar("_Channel", bound=AmqpChannel)


class AmqpConnection(asyncio.Protocol):
    """An open connection; make one with `open`, and use it in that event loop only.

    Above `max_held` bytes of deliveries that are not acknowledged it reads nothing, until half of
    them are: prefetch counts messages, whatever their size.

    Attributes:
        blocked: RabbitMQ is short of memory or disk and does not read what is published.
        error: why the connection is closed; None while it is open.
    """

    def __init__(self, name: str, on_lost: Callable[[], None], max_held: int = MAX_HELD) -> None:
        self.name = name
        self.max_frame = MAX_FRAME
        self.blocked = False
        self.error: BrokerUnavailable | Refused | None = None
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._reader = FrameReader()
        self._channels: dict[int, AmqpChannel] = {}
        self._last_channel, self._max_channel = 0, MAX_CHANNELS
        self._answer: asyncio.Future[base.Frame] | None = None
        self._transport: asyncio.Transport | None = None
        self._gone = asyncio.Event()
        self._outgoing: list[bytes] = []
        self._writable = asyncio.Event()
        self._writable.set()
        self._max_held = max_held
        self._held = 0  # bytes of deliveries
        self._resting = False  # nothing is read
        self._heard = self._loop.time()
        self._heartbeat: asyncio.TimerHandle | None = None

    @property
    def held(self) -> int:
        """Bytes of deliveries that are not acknowledged."""
        return self._held

    @property
    def unacknowledged(self) -> int:
        """How many deliveries are not acknowledged."""
        return sum(channel.unacknowledged for channel in self._channels.values())

    @classmethod
    async def open(
        cls,
        url: AmqpUrl,
        *,
        name: str,
        on_lost: Callable[[], None],
        max_held: int = MAX_HELD,
        within: float = CONNECT_SECONDS,
    ) -> AmqpConnection:
        """Connect and log in; `on_lost` is called once, when the connection ends for any reason.

        `within`: seconds until it is up.

        Raises BrokerUnavailable, or Refused (403, 530) with the reason.
        """
        connection = cls(name, on_lost, max_held)
        try:
            async with asyncio.timeout(within):
                await connection._loop.create_connection(
                    lambda: connection,
                    url.address or url.host,
                    url.port,
                    ssl=_tls(url),
                    server_hostname=url.host if url.tls else None,
                )
                await connection._log_in(url)
        except TimeoutError:
            connection._lose(BrokerUnavailable(f"{url}: no answer in {within:.0f} s"))
            assert connection.error is not None
            raise connection.error from None
        except OSError as error:
            raise BrokerUnavailable(f"{url}: {error}") from error
        except BaseException:
            connection._lose(BrokerUnavailable("connecting was given up"))
            raise
        return connection

    async def channel(self, kind: type[_Channel]) -> _Channel:
        """Open a channel. Raises BrokerUnavailable or Refused."""
        if self.error is not None:
            raise BrokerUnavailable(str(self.error))
        channel = kind(self, self._free_number())
        self._channels[channel.number] = channel
        await channel.call(commands.Channel.Open(), commands.Channel.OpenOk)
        return channel

    async def aclose(self) -> None:
        """Close in good order, bounded in time. Idempotent."""
        if self.error is None:
            self._max_held = sys.maxsize  # the answer must be read
            self.hold(0)
            self.send(0, commands.Connection.Close(200, "", 0, 0))
            try:
                async with asyncio.timeout(2.0):
                    await self._gone.wait()
            except TimeoutError:
                log.warning("connection_close_unanswered", connection=self.name)
        self._lose(BrokerUnavailable("the connection was closed here"))
        if self._transport is not None:
            await self._gone.wait()

    def send(self, channel: int, method: base.Frame) -> None:
        """See `Wire.send`."""
        self.write(frame.marshal(method, channel))

    def write(self, data: bytes) -> None:
        """See `Wire.write`: what is sent within one turn of the loop leaves in one piece."""
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing.append(data)

    async def writable(self) -> None:
        """See `Wire.writable`."""
        await self._writable.wait()

    def hold(self, size: int) -> None:
        """See `Wire.hold`."""
        self._held += size
        if self._transport is None or self._transport.is_closing():
            return
        if not self._resting and self._held > self._max_held:
            self._resting = True
            self._transport.pause_reading()
            log.debug("reading_paused", connection=self.name, held=self._held)
        elif self._resting and self._held <= self._max_held // 2:
            self._resting = False
            self._heard = self._loop.time()
            self._transport.resume_reading()

    def refused(self, channel: Numbered, close: commands.Channel.Close) -> None:
        """See `Wire.refused`."""
        self.send(channel.number, commands.Channel.CloseOk())
        self.freed(channel)
        channel.lost(Refused(close.reply_code or 0, close.reply_text))

    def freed(self, channel: Numbered) -> None:
        """See `Wire.freed`."""
        self._channels.pop(channel.number, None)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Hand each frame to its channel."""
        self._heard = self._loop.time()
        try:
            for received in self._reader.feed(data):
                self._handle(received)
        except (BadFrame, PAMQPException) as error:
            self._lose(BrokerUnavailable(str(error)))

    def pause_writing(self) -> None:
        """RabbitMQ does not read fast enough."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """RabbitMQ reads again."""
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end."""
        self._lose(
            BrokerUnavailable(f"the connection to RabbitMQ was lost: {exc or 'end of stream'}")
        )
        self._gone.set()

    # private

    async def _log_in(self, url: AmqpUrl) -> None:
        answer = self._expect()
        self.write(header.ProtocolHeader().marshal())
        await self._answered(answer, commands.Connection.Start)
        answer = self._expect()
        self.send(
            0,
            commands.Connection.StartOk(
                client_properties={
                    "product": "kull-router",
                    "connection_name": self.name,
                    "capabilities": _CAPABILITIES,
                },
                mechanism="PLAIN",
                response=f"\0{url.user}\0{url.password}",
                locale="en_US",
            ),
        )
        tune = await self._answered(answer, commands.Connection.Tune)
        self.max_frame = min(tune.frame_max or MAX_FRAME, MAX_FRAME)
        self._max_channel = min(tune.channel_max or MAX_CHANNELS, MAX_CHANNELS)
        self.send(
            0, commands.Connection.TuneOk(tune.channel_max, self.max_frame, HEARTBEAT_SECONDS)
        )
        answer = self._expect()
        self.send(0, commands.Connection.Open(virtual_host=url.vhost))
        await self._answered(answer, commands.Connection.OpenOk)
        self._beat()

    def _expect(self) -> asyncio.Future[base.Frame]:
        self._answer = self._loop.create_future()
        return self._answer

    async def _answered(self, answer: asyncio.Future[base.Frame], kind: type[_Answer]) -> _Answer:
        found = await answer
        if not isinstance(found, kind):
            raise BrokerUnavailable(f"RabbitMQ answered with {found.name}, not {kind.__name__}")
        return found

    def _handle(self, received: Frame) -> None:
        if received.kind == HEARTBEAT:
            return
        if received.channel:
            channel = self._channels.get(received.channel)
            if channel is not None:
                channel.handle(received)
        elif received.kind == METHOD:
            self._handle_method(decoded(received))

    def _handle_method(self, method: base.Frame) -> None:
        match method:
            case commands.Connection.Blocked():
                self.blocked = True
                log.warning("rabbitmq_blocked", connection=self.name, reason=method.reason)
            case commands.Connection.Unblocked():
                self.blocked = False
                log.info("rabbitmq_unblocked", connection=self.name)
            case commands.Connection.Close():
                self.send(0, commands.Connection.CloseOk())
                self._flush()
                self._lose(Refused(method.reply_code or 0, method.reply_text), farewell=True)
            case commands.Connection.CloseOk():
                self._lose(BrokerUnavailable("the connection was closed here"), farewell=True)
            case _ if self._answer is not None and not self._answer.done():
                self._answer.set_result(method)
            case _:
                log.warning("unexpected_method", method=method.name, connection=self.name)

    def _beat(self) -> None:
        silent = self._loop.time() - self._heard
        if not self._resting and silent > 2 * HEARTBEAT_SECONDS:
            self._lose(BrokerUnavailable(f"RabbitMQ was silent for {silent:.0f} s"))
            return
        self.write(frame.marshal(heartbeat.Heartbeat(), 0))
        self._heartbeat = self._loop.call_later(HEARTBEAT_SECONDS / 2, self._beat)

    def _flush(self) -> None:
        data, self._outgoing = b"".join(self._outgoing), []
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _free_number(self) -> int:
        # Numbers go round before they come again, so that late frames find nobody.
        for step in range(self._max_channel):
            number = (self._last_channel + step) % self._max_channel + 1
            if number not in self._channels:
                self._last_channel = number
                return number
        raise BrokerUnavailable(f"all {self._max_channel} channels of the connection are in use")

    def _lose(self, error: BrokerUnavailable | Refused, *, farewell: bool = False) -> None:
        if self.error is not None:
            return
        self.error = error
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        if self._transport is not None:
            # After a farewell the last bytes still leave; a dead peer would never take them.
            (self._transport.close if farewell else self._transport.abort)()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
            self._answer.exception()  # it may be that nobody waits for it any more
        channels, self._channels = list(self._channels.values()), {}
        for channel in channels:
            channel.lost(BrokerUnavailable(str(error)))
        self._writable.set()
        self._on_lost()


def _tls(url: AmqpUrl) -> ssl.SSLContext | None:
    if not url.tls:
        return None
    context = ssl.create_default_context(cafile=url.cafile or None)
    if url.certfile:
        context.load_cert_chain(url.certfile, url.keyfile or None)
    return context
