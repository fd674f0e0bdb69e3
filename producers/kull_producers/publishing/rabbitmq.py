"""`Transport` on a real RabbitMQ, with aio-pika.

Its robust connection is not used: it reconnects at a fixed interval and hides the loss that the
publisher must see to keep events in order. Here a lost connection is dialed again by the next call.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, NoReturn
from urllib.parse import urlsplit

import aio_pika
from aio_pika import exceptions
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange, UnderlayConnection
from aiormq.exceptions import ChannelAccessRefused

from kull_producers.errors import (
    AccessRefused,
    ConnectError,
    NotDeployed,
    NotRoutable,
    PublishError,
    ShardCountMismatch,
)
from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_producers.publishing.cancellation import Cancellation
from kull_producers.publishing.transport import BLOCKED

log = logging.getLogger(__name__)

HEARTBEAT: Final = 10  # seconds
CONNECT_TIMEOUT: Final = 5.0  # seconds


class _Connection(aio_pika.Connection):
    """Closes itself when it could not connect: else that is tried when no loop runs any more."""

    async def connect(self, timeout: float | None = None) -> None:  # noqa: ASYNC109 (its own)
        """See aio_pika.Connection."""
        try:
            await super().connect(timeout)
        except BaseException:
            await self.close()
            raise


class RabbitTransport:
    """One connection with one channel in confirm mode.

    Args:
        url: `amqp://user:password@host:5672/vhost`, or `amqps://…`.
        name: how RabbitMQ's own tools show the connection.
        connect_timeout: seconds until an attempt to connect is given up.

    Raises:
        ConnectError: the URL is not one. No error and no log line ever holds the password.
    """

    def __init__(
        self, url: str, *, name: str = "kull-producers", connect_timeout: float = CONNECT_TIMEOUT
    ) -> None:
        self._where = _where(url)
        self._url = url
        self._name = name
        self._connect_timeout = connect_timeout
        self._connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._exchanges: dict[str, AbstractExchange] = {}
        self._lock = asyncio.Lock()  # fair, so callers get the channel in the order of the calls
        self._failures = 0
        self._closed = False
        self._told_blocked = False

    async def publish(self, message: Message) -> None:
        """See `Transport.publish`."""
        exchange = await self._exchange(message.exchange)
        try:
            with _answered():
                await exchange.publish(_amqp_message(message), message.routing_key, mandatory=True)
        except exceptions.PublishError as error:
            raise NotRoutable(
                f"no queue takes {message.routing_key!r} from exchange {message.exchange!r}: "
                "is a router running?"
            ) from error
        except exceptions.DeliveryError as error:
            raise PublishError("RabbitMQ refused the event; is its disk or memory full?") from error
        except exceptions.ChannelNotFoundEntity as error:
            if f"'{message.exchange}'" not in str(error):
                raise PublishError("another event has broken the channel") from error
            raise NotRoutable(
                f"exchange {message.exchange!r} does not exist: start a router once, it creates it"
            ) from error
        except (*exceptions.CONNECTION_EXCEPTIONS, asyncio.InvalidStateError) as error:
            self._lost(error)

    async def check_shard_count(self, shard_count: int) -> None:
        """See `Transport.check_shard_count`."""
        mark = topology.shard_count_mark(shard_count)
        if await self._exists(mark):
            return
        # Created after the mark: without it a router may just be about to create both.
        if not await self._exists(topology.ROUTE):
            raise NotDeployed(
                f"RabbitMQ at {self._where} holds no Kull Sync deployment yet: "
                "start a router once, it creates the exchanges"
            )
        if not await self._exists(mark):
            raise ShardCountMismatch(
                f"the deployment at {self._where} was not created with {shard_count} shards: "
                "set shard_count (KULL_SHARD_COUNT) to what its routers use"
            )

    async def blocked(self) -> bool:
        """See `Transport.blocked`. RabbitMQ tells a connection once that has published."""
        link = self._link()
        if link is None:
            return False
        try:
            async with asyncio.timeout(0):
                await link.ready()  # waits only while the connection is blocked
        except TimeoutError:
            return True
        return False

    async def aclose(self) -> None:
        """See `Transport.aclose`."""
        self._closed = True
        await self._discard()

    async def _exchange(self, name: str) -> AbstractExchange:
        failures_before = self._failures
        async with self._lock:
            if self._failures > failures_before:
                # It failed for one before: another dial would only prolong it, and a success now
                # would let this event overtake that one.
                raise ConnectError(f"RabbitMQ at {self._where} cannot be reached")
            # Within the lock, so that what comes when it ends does not overtake those who wait.
            await self._until_taken()
            channel = await self._ready_channel()
            if name not in self._exchanges:
                self._exchanges[name] = await channel.get_exchange(name, ensure=False)
            return self._exchanges[name]

    def _link(self) -> UnderlayConnection | None:
        connection = self._connection
        if connection is None or not connection.connected.is_set():
            return None
        return connection.transport

    async def _until_taken(self) -> None:
        """Wait while the connection is blocked: what is sent now would only pile up here."""
        while (link := self._link()) is not None and await self.blocked():
            if not self._told_blocked:
                log.warning("publishing to %s waits: %s", self._where, BLOCKED)
            self._told_blocked = True
            ready = asyncio.create_task(_ready(link), name="kull-unblocked")
            lost = link.connection.closing
            try:
                await asyncio.wait({ready, lost}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                ready.cancel()
                lost.cancel()  # this is only our view of it
        self._told_blocked = False

    async def _ready_channel(self) -> AbstractChannel:
        if self._channel is None or self._channel.is_closed:
            connection = await self._ready_connection()
            self._exchanges = {}
            self._channel = await self._open_channel(connection)
        return self._channel

    async def _open_channel(self, connection: AbstractConnection) -> AbstractChannel:
        try:
            channel = connection.channel(publisher_confirms=True, on_return_raises=True)
            with _answered():
                await channel.initialize(timeout=self._connect_timeout)
        except (*exceptions.CONNECTION_EXCEPTIONS, TimeoutError) as error:
            self._failures += 1
            await self._discard()
            self._lost(error)
        return channel

    async def _ready_connection(self) -> AbstractConnection:
        if self._closed:
            raise ConnectError("the connection has been closed")
        # `is_closed` would only tell whether we have closed it, not whether it was lost.
        if self._connection is None or not self._connection.connected.is_set():
            await self._discard()
            self._connection = await self._dial()
        return self._connection

    async def _discard(self) -> None:
        connection, self._connection = self._connection, None
        self._channel = None
        if connection is not None:
            # It may be broken already.
            with suppress(*exceptions.CONNECTION_EXCEPTIONS), _answered():
                await connection.close()

    async def _dial(self) -> AbstractConnection:
        try:
            with _answered():
                return await aio_pika.connect(
                    self._url,
                    connection_class=_Connection,
                    timeout=self._connect_timeout,
                    heartbeat=HEARTBEAT,
                    client_properties={"connection_name": self._name},
                )
        except (exceptions.AuthenticationError, exceptions.ProbableAuthenticationError) as error:
            raise AccessRefused(
                f"RabbitMQ at {self._where} refuses the account or the virtual host: "
                "check both in the URL"
            ) from error
        except (*exceptions.CONNECTION_EXCEPTIONS, TimeoutError) as error:
            self._failures += 1
            raise ConnectError(
                f"RabbitMQ at {self._where} cannot be reached: {type(error).__name__}: {error}"
            ) from error

    async def _exists(self, exchange: str) -> bool:
        async with self._lock:
            # A channel of its own, because RabbitMQ closes it when the exchange does not exist.
            channel = await self._open_channel(await self._ready_connection())
        try:
            with _answered():
                await channel.get_exchange(exchange, ensure=True)
                await channel.close()
        except exceptions.ChannelNotFoundEntity:
            return False
        except exceptions.CONNECTION_EXCEPTIONS as error:
            self._lost(error)
        return True

    def _lost(self, error: BaseException) -> NoReturn:
        if isinstance(error, ChannelAccessRefused):
            raise AccessRefused(
                f"RabbitMQ at {self._where} does not allow this account to publish: {error} "
                "(`kull definitions` prints the rights it needs)"
            ) from error
        raise ConnectError(
            f"the connection to RabbitMQ at {self._where} was lost ({type(error).__name__})"
        ) from error


@contextmanager
def _answered() -> Iterator[None]:
    """Turn a cancellation that nobody asked for into a lost connection, and keep one that was."""
    cancellation = Cancellation()
    try:
        yield
    except asyncio.CancelledError:
        if cancellation.asked:
            raise
        raise exceptions.AMQPConnectionError("given up by the client library") from None
    except Exception:
        cancellation.check()
        raise


async def _ready(link: UnderlayConnection) -> None:
    await link.ready()


def _amqp_message(message: Message) -> aio_pika.Message:
    return aio_pika.Message(
        message.body,
        headers=dict(message.headers),
        content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=message.message_id,
        type=message.type,
        app_id=message.app_id,
    )


def _where(url: str) -> str:
    """Return host, port and virtual host: what may be shown of the URL."""
    example = "use amqp://user:password@host:5672/vhost"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ConnectError(f"the AMQP URL is malformed: {example}") from None
    if parts.scheme not in {"amqp", "amqps"} or not host:
        raise ConnectError(f"the AMQP URL is malformed: {example}")
    return f"{host}:{port or (5671 if parts.scheme == 'amqps' else 5672)}{parts.path}"
