"""What was published without a shard: it gets its address, or goes to the dead letters."""

from __future__ import annotations

import asyncio
from typing import Final, NoReturn

import structlog

from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_router.broker.port import Broker, Channel
from kull_router.clock import Clock
from kull_router.delivery import ingest
from kull_router.delivery.journal import Journal
from kull_router.delivery.republisher import Republisher
from kull_router.errors import BrokerError
from kull_router.measures.events import EventMeasures
from kull_router.settings import RouterSettings

log = structlog.get_logger(__name__)

# Few, so that these alone never stop the reading: their way home needs RabbitMQ's answers.
PREFETCH: Final = 32


class Unrouted:
    """Consumes the queue of the alternate exchange, together with all other routers."""

    def __init__(
        self,
        settings: RouterSettings,
        *,
        broker: Broker,
        journal: Journal,
        clock: Clock,
        measures: EventMeasures,
    ) -> None:
        self._settings = settings
        self._broker = broker
        self._clock = clock
        self._republisher = Republisher(broker, journal, measures)
        self._brought: set[str] = set()  # ids of what was published again as it was, just before
        self._rounds = 0  # how often in a row it came back

    async def run(self) -> NoReturn:
        """Consume for ever, with full jitter between attempts."""
        attempt = 0
        while True:
            try:
                channel = await self._broker.consume(
                    topology.UNROUTED,
                    single_active=False,
                    prefetch=min(self._settings.prefetch, PREFETCH),
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
                await self._republisher.repair(after=error)

    async def _serve(self, channel: Channel) -> NoReturn:
        while True:
            deliveries = await channel.receive(self._settings.batch)
            homeless: list[Message] = []
            for delivery in deliveries:
                for message in await self._republisher.taken_apart(delivery):
                    if ingest.is_well_addressed(message, self._settings.shard_count):
                        homeless.append(message)
                    else:
                        await self._readdress(message)
            await self._bring_home(homeless)
            channel.ack(deliveries[-1].tag)

    async def _bring_home(self, homeless: list[Message]) -> None:
        """Publish again, as it was, what found no queue although it bears the right shard.

        Nothing is wrong with it: its queue or a binding is missing. That is made again first.
        """
        ids = {message.message_id for message in homeless}
        if ids & self._brought:  # back again: not made for long
            self._rounds += 1
            await asyncio.sleep(self._clock.jitter(self._rounds))
        else:
            self._rounds = 0
        self._brought = ids
        if not homeless:
            return
        log.warning("queue_was_missing", messages=len(homeless))
        await self._broker.repair()
        for message in homeless:
            await self._broker.publish(message)

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
