"""What was published without a shard: it gets its address, or goes to the dead letters."""

from __future__ import annotations

import asyncio
from typing import NoReturn

import structlog

from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_router.broker.port import Broker, Channel
from kull_router.clock import Clock
from kull_router.delivery import ingest
from kull_router.delivery.republisher import Republisher
from kull_router.errors import BrokerError
from kull_router.settings import RouterSettings

log = structlog.get_logger(__name__)


class Unrouted:
    """Consumes the queue of the alternate exchange, together with all other routers."""

    def __init__(self, settings: RouterSettings, *, broker: Broker, clock: Clock) -> None:
        self._settings = settings
        self._broker = broker
        self._clock = clock
        self._republisher = Republisher(broker)

    async def run(self) -> NoReturn:
        """Consume for ever, with full jitter between attempts."""
        attempt = 0
        while True:
            try:
                channel = await self._broker.consume(
                    topology.UNROUTED, single_active=False, prefetch=self._settings.prefetch
                )
                try:
                    attempt = 0
                    await self._serve(channel)
                finally:
                    await channel.aclose()
            except BrokerError as error:
                attempt += 1
                log.info("unrouted_lost", why=str(error))
                await asyncio.sleep(self._clock.jitter(attempt))

    async def _serve(self, channel: Channel) -> NoReturn:
        while True:
            deliveries = await channel.receive(self._settings.batch)
            for delivery in deliveries:
                await self._readdress(delivery.message)
            channel.ack(deliveries[-1].tag)

    async def _readdress(self, message: Message) -> None:
        fixed = await self._republisher.understood(
            message,
            lambda: ingest.readdress(
                message,
                shard_count=self._settings.shard_count,
                now_ms=self._clock.wall_ms(),
                new_id=self._clock.new_id,
            ),
        )
        if fixed is not None:
            await self._republisher.readdress(message, fixed)
