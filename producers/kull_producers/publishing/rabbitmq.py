"""`Transport` on a real RabbitMQ, with aio-pika.

Its robust connection is not used: it reconnects at a fixed interval and hides the loss that the
publisher must see to keep events in order. Here a lost connection is dialed again by the next call.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, NoReturn, TypeVar
from urllib.parse import urlsplit

import aio_pika
from aio_pika import exceptions
from aio_pika.abc import AbstractChannel, AbstractExchange, UnderlayConnection
from aiormq.exceptions import ChannelAccessRefused

from kull_producers.amqp_url import each_host, host_and_port
from kull_producers.errors import (
    AccessRefused,
    ConnectError,
    NoAnswer,
    NotDeployed,
    NotRoutable,
    PublishError,
    ShardCountMismatch,
)
from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_producers.look_up import look_up
from kull_producers.publishing.cancellation import Cancellation, apart
from kull_producers.publishing.rabbitmq_connection import RabbitConnection
from kull_producers.publishing.transport import BLOCKED

log = logging.getLogger(__name__)

T = TypeVar("T")
HEARTBEAT: Final = 10  # seconds
ANSWER_TIMEOUT: Final = 5.0  # seconds
CLOSE_TIMEOUT: Final = 3.0  # seconds: the library itself waits 2 s for the answer


class RabbitTransport:
    """One connection with one channel in confirm mode.

    Args:
        url: `amqp://user:password@host:5672/vhost`, or `amqps://…`. Of several hosts, `@a:5672,b/`,
            each dial tries all addresses, in random order, until one serves.
        name: how RabbitMQ's own tools show the connection.
        answer_timeout: seconds for RabbitMQ to answer a call other than a publish, such as to
            connect.
        heartbeat: seconds, whole ones. After half as much again without a word RabbitMQ counts as
            silent.

    Raises:
        ConnectError: the URL is not one. No error and no log line ever holds the password.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str = "kull-producers",
        answer_timeout: float = ANSWER_TIMEOUT,
        heartbeat: int = HEARTBEAT,
    ) -> None:
        self._urls, self._where = _taken_apart(url)
        self._name = name
        self._rng = random.SystemRandom()
        self._answer_timeout = answer_timeout
        self._heartbeat = heartbeat
        self._connection: RabbitConnection | None = None
        self._channel: AbstractChannel | None = None
        self._exchanges: dict[str, AbstractExchange] = {}
        self._lock = asyncio.Lock()  # fair, so callers get the channel in the order of the calls
        self._failures = 0
        self._closed = False
        self._told_blocked = False

    async def publish(self, message: Message) -> None:
        """See `Transport.publish`."""
        exchange, connection = await self._exchange(message.exchange)
        connection.asked()
        try:
            with _answered():
                await exchange.publish(_amqp_message(message), message.routing_key, mandatory=True)
        except (exceptions.PublishError, exceptions.DeliveryError) as error:
            connection.answered()
            raise _refused(message, error) from error
        except exceptions.ChannelNotFoundEntity as error:
            if f"'{message.exchange}'" not in str(error):
                raise PublishError("another event has broken the channel") from error
            raise NotRoutable(
                f"exchange {message.exchange!r} does not exist: start a router once, it creates it"
            ) from error
        except (*exceptions.CONNECTION_EXCEPTIONS, asyncio.InvalidStateError) as error:
            self._lost(error, connection)
        except asyncio.CancelledError:
            connection.doubt()
            raise
        connection.answered()

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

    async def takes_batches(self) -> bool:
        """See `Transport.takes_batches`. An account may also lack the right."""
        try:
            return await self._exists(topology.BURSTS)
        except AccessRefused:
            return False

    async def blocked(self) -> bool:
        """See `Transport.blocked`. RabbitMQ tells a connection once that has published."""
        return self._connection is not None and self._connection.blocked

    async def aclose(self) -> None:
        """See `Transport.aclose`."""
        self._closed = True
        await self._discard()

    async def _exchange(self, name: str) -> tuple[AbstractExchange, RabbitConnection]:
        failures_before = self._failures
        async with self._lock:
            if self._failures > failures_before:
                # It failed for one before: another dial would only prolong it, and a success now
                # would let this event overtake that one.
                raise ConnectError(f"RabbitMQ at {self._where} cannot be reached")
            # Within the lock, so that what comes when it ends does not overtake those who wait.
            await self._until_taken()
            channel, connection = await self._ready_channel()
            if name not in self._exchanges:
                self._exchanges[name] = await channel.get_exchange(name, ensure=False)
            return self._exchanges[name], connection

    async def _until_taken(self) -> None:
        """Wait while the connection is blocked: what is sent now would only pile up here."""
        while (connection := self._connection) is not None and connection.blocked:
            link = connection.transport
            assert link is not None
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

    async def _ready_channel(self) -> tuple[AbstractChannel, RabbitConnection]:
        connection = await self._ready_connection()
        if self._channel is None or self._channel.is_closed:
            self._exchanges = {}
            self._channel = await self._open_channel(connection)
        return self._channel, connection

    async def _open_channel(self, connection: RabbitConnection) -> AbstractChannel:
        try:
            channel = connection.channel(publisher_confirms=True, on_return_raises=True)
            await self._call(connection, channel.initialize())
        except exceptions.CONNECTION_EXCEPTIONS as error:
            self._failures += 1
            await self._discard()
            self._lost(error, connection)
        return channel

    async def _ready_connection(self) -> RabbitConnection:
        if self._closed:
            raise ConnectError("the connection has been closed")
        if self._connection is None or not self._connection.alive:
            await self._discard()
            self._connection = await self._dial()
        return self._connection

    async def _discard(self) -> None:
        connection, self._connection = self._connection, None
        self._channel = None
        if connection is not None:
            await _close(connection)

    async def _dial(self) -> RabbitConnection:
        errors: list[BaseException] = []
        try:
            places = await look_up(list(map(host_and_port, self._urls)), self._rng)
        except OSError as error:
            places = []
            errors.append(error)
        for number, address in places:
            connection = RabbitConnection(
                self._urls[number], name=self._name, heartbeat=self._heartbeat, address=address
            )
            try:
                await self._call(connection, connection.connect())
                if self._closed:
                    raise ConnectError("the connection has been closed")
            except BaseException as error:
                await _close(connection)
                if not isinstance(error, exceptions.CONNECTION_EXCEPTIONS):
                    raise
                errors.append(error)
            else:
                return connection
        self._failures += 1
        # One that refuses may be alone in that; who cannot be reached may be back soon.
        worst = next((each for each in errors if not _refuses(each)), errors[0])
        raise self._unreachable(worst) from worst

    async def _exists(self, exchange: str) -> bool:
        async with self._lock:
            await self._until_taken()
            connection = await self._ready_connection()
            # A channel of its own, because RabbitMQ closes it when the exchange does not exist.
            channel = await self._open_channel(connection)
        try:
            await self._call(connection, _look_up(channel, exchange))
        except exceptions.ChannelNotFoundEntity:
            return False
        except exceptions.CONNECTION_EXCEPTIONS as error:
            self._lost(error, connection)
        return True

    async def _call(self, connection: RabbitConnection, call: Coroutine[Any, Any, T]) -> T:
        within = self._answer_timeout

        def give_up() -> None:
            connection.drop(f"did not answer within {within:g} s")

        return await apart(call, within=within, give_up=give_up)

    def _unreachable(self, error: BaseException) -> ConnectError:
        if isinstance(error, ConnectError):
            return error
        if _refuses(error):
            return AccessRefused(
                f"RabbitMQ at {self._where} refuses the account or the virtual host: "
                "check both in the URL"
            )
        return ConnectError(
            f"RabbitMQ at {self._where} cannot be reached: {type(error).__name__}: {error}"
        )

    def _lost(self, error: BaseException, connection: RabbitConnection) -> NoReturn:
        if isinstance(error, ChannelAccessRefused):
            raise AccessRefused(
                f"RabbitMQ at {self._where} does not allow this account to publish: {error} "
                "(`kull definitions` prints the rights it needs)"
            ) from error
        if connection.dropped:
            raise NoAnswer(f"RabbitMQ at {self._where} {connection.dropped}") from error
        raise ConnectError(
            f"the connection to RabbitMQ at {self._where} was lost ({type(error).__name__})"
        ) from error


async def _close(connection: RabbitConnection) -> None:
    def give_up() -> None:
        connection.drop("did not answer when it was closed")

    try:
        # It may be broken already.
        with suppress(*exceptions.CONNECTION_EXCEPTIONS):
            await apart(connection.close(), within=CLOSE_TIMEOUT, give_up=give_up)
    finally:
        connection.abort()


async def _look_up(channel: AbstractChannel, exchange: str) -> None:
    await channel.get_exchange(exchange, ensure=True)
    await channel.close()


def _refused(
    message: Message, error: exceptions.PublishError | exceptions.DeliveryError
) -> PublishError:
    if isinstance(error, exceptions.PublishError):
        return NotRoutable(
            f"no queue takes {message.routing_key!r} from exchange {message.exchange!r}: "
            "is a router running?"
        )
    return PublishError("RabbitMQ refused the event; is its disk or memory full?")


@contextmanager
def _answered() -> Iterator[None]:
    """Turn a cancellation that nobody asked for into a lost connection, and keep one that was.

    As `apart` does, which would cost a task for each event.
    """
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
        content_type=message.content_type,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=message.message_id,
        type=message.type,
        app_id=message.app_id,
    )


def _refuses(error: BaseException) -> bool:
    return isinstance(
        error, exceptions.AuthenticationError | exceptions.ProbableAuthenticationError
    )


def _taken_apart(url: str) -> tuple[list[str], str]:
    """Return a URL for each host, and hosts, ports and virtual host: what may be shown."""
    try:
        urls = each_host(url)
        hosts = [f"{host}:{port}" for host, port in map(host_and_port, urls)]
    except ValueError:
        example = "amqp://user:password@host:5672/vhost, or several hosts: @a:5672,b:5672/vhost"
        raise ConnectError(f"the AMQP URL is malformed: use {example}") from None
    return urls, ",".join(hosts) + urlsplit(urls[0]).path
