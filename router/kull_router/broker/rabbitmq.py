"""The router's broker on RabbitMQ: two connections that come back by themselves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

import structlog

from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_router.broker import rabbitmq_topology
from kull_router.broker.amqp import (
    AmqpChannel,
    AmqpConnection,
    AmqpUrl,
    ConsumerChannel,
    PublisherChannel,
    Refused,
    first_that_serves,
)
from kull_router.broker.amqp.connection import CONNECT_SECONDS, MAX_HELD
from kull_router.broker.inspection import RabbitInspection, depth_of
from kull_router.broker.port import BrokerFigures
from kull_router.clock import Clock
from kull_router.errors import BrokerError, BrokerUnavailable, ConfigError

log = structlog.get_logger(__name__)

RECONNECT_CAP: Final = 10.0  # seconds between two attempts, at most
NEXT_HOST_AFTER: Final = 3.0  # seconds for one of several hosts: another one may live
SAY_AGAIN: Final = 10.0  # seconds between two log lines while waiting


@dataclass(frozen=True, slots=True)
class _Link:
    """Both connections, open, with the topology in place."""

    url: AmqpUrl
    consume: AmqpConnection
    publish: AmqpConnection


class RabbitBroker:
    """`Broker` on a RabbitMQ 3.10 or later.

    Consuming and publishing have a connection each: one that RabbitMQ blocks is not read at all.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str = "kull-router",
        clock: Clock | None = None,
        prefetch_bytes: int = MAX_HELD,
    ) -> None:
        """Raises ConfigError when the URL is none. The password never leaves this object.

        `url`: of one host or several, which are tried in random order until one serves.

        `prefetch_bytes`: of unacknowledged deliveries, above which nothing more is read.
        """
        self._prefetch_bytes = prefetch_bytes
        self._urls = AmqpUrl.parse_each(url)
        self._name = name
        self._clock = clock or Clock()
        self._link: _Link | None = None
        self._publisher: PublisherChannel | None = None
        self._opening = asyncio.Lock()
        self._lost = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._shard_count = 0  # once it has started
        self._intact = True  # nothing of the topology is known to be missing
        self._repairing = asyncio.Lock()
        self._begun = self._done = 0  # numbers of the last repair begun, and done
        self._depths: dict[str, int] = {}  # messages that are ready, by queue, at the last look

    @property
    def connected(self) -> bool:
        """Whether both connections are open and the topology is in place, as far as known."""
        return self._live() is not None and self._intact

    @property
    def blocked(self) -> bool:
        """See `Broker.blocked`."""
        link = self._live()
        return link is not None and link.publish.blocked

    @property
    def figures(self) -> BrokerFigures:
        """See `Broker.figures`. How deep queues are is seen when the topology is looked at."""
        link, depths = self._live(), self._depths
        shards = [topology.shard_queue(shard) for shard in range(self._shard_count)]
        return BrokerFigures(
            blocked=self.blocked,
            unacknowledged=link.consume.unacknowledged if link else 0,
            unacknowledged_bytes=link.consume.held if link else 0,
            ready=sum(depths.get(name, 0) for name in shards) if depths else None,
        )

    async def start(self, shard_count: int) -> None:
        """See `Broker.start`.

        Raises:
            ConfigError: RabbitMQ refuses the account or virtual host, or holds other queues.
            ShardCountMismatch: it holds a deployment with another shard count.
        """
        self._shard_count = shard_count
        waiting = _Waiting(self._clock)
        attempt = 0
        while self._link is None:
            try:
                self._link = await self._connect(shard_count)
            except BrokerUnavailable as error:
                attempt += 1
                waiting.say(str(error))
                await asyncio.sleep(self._clock.jitter(attempt, cap=RECONNECT_CAP))
        self._keeper = asyncio.create_task(self._keep(shard_count), name="rabbitmq-reconnect")
        self._keeper.add_done_callback(_report_death)

    async def consume(self, queue: str, *, single_active: bool, prefetch: int) -> ConsumerChannel:
        """See `Broker.consume`. `single_active` is a property of the queue, set by the topology.

        Raises BrokerUnavailable, or BrokerError when there is no such queue.
        """
        channel = await self._open_live().consume.channel(ConsumerChannel)
        try:
            await channel.consume(queue, prefetch)
        except BaseException:
            channel.abandon()
            raise
        return channel

    async def depth(self, queue: str) -> int:
        """See `Broker.depth`."""
        return await depth_of(self._open_live().consume, queue)

    async def inspect(self, queue: str, limit: int) -> RabbitInspection:
        """See `Broker.inspect`. On a connection of its own: what it holds stops no shard."""
        url = self._open_live().url
        return await RabbitInspection.open(url, queue, name=f"{self._name} inspect", limit=limit)

    async def repair(self) -> None:
        """See `Broker.repair`. Callers share a repair that begins after they have come."""
        wanted = self._begun + 1
        async with self._repairing:
            if self._done >= wanted:
                return
            self._begun = number = self._begun + 1
            try:
                await self._repair(self._open_live().consume)
            except Refused as error:
                raise BrokerUnavailable(str(error)) from error
            except ConfigError as error:
                self._intact = False
                log.error("rabbitmq_unusable", why=str(error))
                raise BrokerUnavailable(str(error)) from error
            self._intact = True
            self._done = number

    async def _repair(self, connection: AmqpConnection) -> None:
        channel = await connection.channel(AmqpChannel)
        try:
            depths: dict[str, int] = {}
            gone = await rabbitmq_topology.missing(channel, self._shard_count, depths)
            if not gone:
                self._depths = depths
                await rabbitmq_topology.bind(channel, self._shard_count)
                return
        finally:
            channel.abandon()
        self._intact = False
        log.warning("topology_vanished", missing=gone, hint="it is created again")
        channel = await connection.channel(AmqpChannel)
        try:
            await rabbitmq_topology.declare(channel, self._shard_count)
        finally:
            channel.abandon()

    async def publish(self, message: Message) -> None:
        """See `Broker.publish`."""
        channel = await self._publisher_channel()
        try:
            await channel.publish(message)
        except Refused as error:
            # RabbitMQ closes the channel because of one message; the others may try again.
            if f"'{message.exchange}'" not in error.text:
                raise BrokerUnavailable(str(error)) from error
            raise

    async def aclose(self) -> None:
        """See `Broker.aclose`."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
            self._keeper = None
        link, self._link = self._link, None
        if link is not None:
            await _close(link.consume, link.publish)

    def _live(self) -> _Link | None:
        link = self._link
        if link is None or link.consume.error is not None or link.publish.error is not None:
            return None
        return link

    def _open_live(self) -> _Link:
        link = self._live()
        if link is None:
            raise BrokerUnavailable("RabbitMQ is not connected right now")
        return link

    async def _publisher_channel(self) -> PublisherChannel:
        async with self._opening:
            if self._publisher is None or self._publisher.error is not None:
                self._publisher = await self._open_live().publish.channel(PublisherChannel)
                await self._publisher.confirm()
            return self._publisher

    async def _connect(self, shard_count: int) -> _Link:
        async def at(url: AmqpUrl) -> _Link:
            return await self._connect_to(url, shard_count)

        return await first_that_serves(self._urls, at, self._clock.random)

    async def _connect_to(self, url: AmqpUrl, shard_count: int) -> _Link:
        self._lost.clear()
        opened: list[AmqpConnection] = []
        try:
            for purpose in ("consume", "publish"):
                name = f"{self._name} {purpose}"
                opened.append(
                    await AmqpConnection.open(
                        url,
                        name=name,
                        on_lost=self._lost.set,
                        max_held=self._prefetch_bytes,
                        within=CONNECT_SECONDS if len(self._urls) == 1 else NEXT_HOST_AFTER,
                    )
                )
            channel = await opened[0].channel(AmqpChannel)
            await rabbitmq_topology.declare(channel, shard_count)
            await channel.aclose()
        except Refused as error:
            await _close(*opened)
            raise _judged(error, url) from error
        except BaseException:
            await _close(*opened)
            raise
        return _Link(url, *opened)

    async def _keep(self, shard_count: int) -> None:
        """Connect again whenever a connection is lost."""
        while True:
            await self._lost.wait()
            link, self._link = self._link, None
            if link is not None:
                log.warning("rabbitmq_lost", why=str(link.consume.error or link.publish.error))
                await _close(link.consume, link.publish)
            self._link = await self._reconnect(shard_count)
            self._intact = True

    async def _reconnect(self, shard_count: int) -> _Link:
        waiting = _Waiting(self._clock)
        attempt = 0
        while True:
            await asyncio.sleep(self._clock.jitter(attempt, cap=RECONNECT_CAP))
            attempt += 1
            try:
                link = await self._connect(shard_count)
            except BrokerUnavailable as error:
                waiting.say(str(error))
            except (BrokerError, ConfigError) as error:
                # It was right when we started: somebody is changing RabbitMQ, and may mend it.
                log.error("rabbitmq_unusable", why=str(error))
            else:
                log.info("rabbitmq_connected", attempts=attempt)
                return link


class _Waiting:
    """Says once, and then now and again, that RabbitMQ is not there yet."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next = clock.monotonic()

    def say(self, why: str) -> None:
        now = self._clock.monotonic()
        if now >= self._next:
            self._next = now + SAY_AGAIN
            log.warning("waiting_for_rabbitmq", why=why)


def _report_death(keeper: asyncio.Task[None]) -> None:
    if not keeper.cancelled():
        log.critical("rabbitmq_reconnect_died", exc_info=keeper.exception())


async def _close(*connections: AmqpConnection) -> None:
    for connection in connections:
        await connection.aclose()


def _judged(error: Refused, url: AmqpUrl) -> BrokerError | ConfigError:
    """Tell what will not mend itself by waiting."""
    if error.code == 403:
        return ConfigError(f"RabbitMQ refuses {url}: check KULL_AMQP_URL ({error.text})")
    if error.code == 530 and ("not found" in error.text or "refused for user" in error.text):
        return ConfigError(f"{url} cannot be used: create it, or grant access ({error.text})")
    return BrokerUnavailable(str(error))
