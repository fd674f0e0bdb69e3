"""One shard: consume its queue, own it while the channel lives, store, acknowledge, push."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, NoReturn, TypeVar

import structlog

from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_router import metrics
from kull_router.broker.port import Broker, Channel, Delivery
from kull_router.clock import Clock
from kull_router.delivery import ingest
from kull_router.delivery.fanout import Fanout
from kull_router.errors import (
    BadEvent,
    BrokerError,
    Fenced,
    PoisonMessage,
    StoreUnavailable,
)
from kull_router.queues.entry import Contract, Entry, Event
from kull_router.queues.port import Outcome, Store
from kull_router.settings import RouterSettings

log = structlog.get_logger(__name__)

_T = TypeVar("_T")
EPHEMERAL_MS: Final = 5000  # what only counts now is worth nothing after that
_CHECK_EVERY: Final = 4.0  # seconds between two looks at the term of a shard without events
_INTERNAL_LIMIT: Final = 10_000  # events of our own (presence) waiting per shard


@dataclass(frozen=True, slots=True)
class _Arrived:
    message: Message
    event: Event


class Shard:
    """The life of one shard at this router.

    RabbitMQ's single active consumer decides who owns it: the first delivery on a fresh channel
    proves to be the active one, and claims the next term. Losing the channel loses the shard.
    Events are acknowledged only after their commit, and pushed only after it.
    """

    def __init__(
        self,
        number: int,
        *,
        settings: RouterSettings,
        broker: Broker,
        store: Store,
        fanout: Fanout,
        clock: Clock,
        changed: Callable[[int, int | None], None],
        announce: Callable[[], None],
    ) -> None:
        self.number = number
        self.term: int | None = None
        self.standing_by = False  # in RabbitMQ's line of consumers behind another router
        self._settings = settings
        self._broker = broker
        self._store = store
        self._fanout = fanout
        self._clock = clock
        self._changed = changed
        self._announce = announce
        self._preferred = settings.prefers(number)
        self._checked_at = 0.0
        self._failures = 0  # calls that the store did not answer well
        self._append_lock = asyncio.Lock()  # pushes must leave in the order of their commits
        self._internal: asyncio.Queue[Event] = asyncio.Queue(_INTERNAL_LIMIT)

    async def run(self) -> NoReturn:
        """Consume for ever, with full jitter between attempts."""
        attempt = 0
        while True:
            if not self._preferred:
                # The router that prefers it shall be first in RabbitMQ's line of consumers.
                await asyncio.sleep(self._settings.standby_delay)
            try:
                channel = await self._broker.consume(
                    topology.shard_queue(self.number),
                    single_active=True,
                    prefetch=self._settings.prefetch,
                )
                try:
                    attempt = 0
                    self._stand_by(True)
                    await self._serve(channel)
                finally:
                    self._stand_by(False)
                    self._release()
                    await channel.aclose()
            except (BrokerError, Fenced) as error:
                attempt += 1
                log.info("shard_lost", shard=self.number, why=str(error))
                await asyncio.sleep(self._clock.jitter(attempt))

    async def _serve(self, channel: Channel) -> NoReturn:
        while True:
            deliveries = await channel.receive(self._settings.batch)
            if self.term is None:
                await self._claim()
            elif all(ingest.is_probe(each.message) for each in deliveries):
                await self._check_term()
            await self._handle(deliveries)
            channel.ack(deliveries[-1].tag)
            if not self._preferred and any(self._is_wanted(each.message) for each in deliveries):
                log.info("shard_handed_back", shard=self.number)
                await channel.aclose()

    def _is_wanted(self, message: Message) -> bool:
        return ingest.wanted_by(message) not in {"", self._settings.router_id}

    def _stand_by(self, standing_by: bool) -> None:
        if standing_by != self.standing_by:
            self.standing_by = standing_by
            self._announce()

    async def _claim(self) -> None:
        self.term = await self._persist(
            lambda: self._store.claim(self.number, self._settings.router_id)
        )
        log.debug("shard_owned", shard=self.number, term=self.term)
        self.standing_by = False
        self._changed(self.number, self.term)

    async def _check_term(self) -> None:
        """Raise Fenced if another router's claim, held up on its way, has overtaken ours.

        Edges believe the higher term, so nobody would subscribe here before the next event.
        """
        now = self._clock.monotonic()
        if now - self._checked_at >= _CHECK_EVERY:
            self._checked_at = now
            await self.append([])

    def _release(self) -> None:
        if self.term is not None:
            self.term = None
            self._changed(self.number, None)

    async def _handle(self, deliveries: Sequence[Delivery]) -> None:
        arrived: list[_Arrived] = []
        for delivery in deliveries:
            message = delivery.message
            if ingest.is_probe(message):
                continue
            try:
                found = ingest.read(
                    message,
                    shard=self.number,
                    shard_count=self._settings.shard_count,
                    now_ms=self._clock.wall_ms(),
                    new_id=self._clock.new_id,
                )
            except PoisonMessage as error:
                await self._bury(message, str(error))
                continue
            except Exception as error:
                # A fault of ours: it would take one router after the other down with everybody.
                log.exception("message_not_understood", shard=self.number)
                await self._bury(message, f"a fault of the router: {error!r}")
                continue
            if isinstance(found, Event):
                arrived.append(_Arrived(message, found))
            else:
                await republish(self._broker, message, found)
        await self._store_arrived(arrived)

    async def _store_arrived(self, arrived: list[_Arrived]) -> None:
        since = self._clock.wall_ms() - EPHEMERAL_MS
        for each in arrived:
            if each.event.contract is not Contract.EPHEMERAL or self.term is None:
                continue
            if each.event.created_ms >= since:
                self._fanout.push(self.number, self.term, Entry(seq=0, event=each.event))
        kept = [each for each in arrived if each.event.contract is not Contract.EPHEMERAL]
        while kept:
            try:
                await self.append([each.event for each in kept])
                return
            except BadEvent as error:
                # One bad row must not block a shard.
                bad = kept.pop(error.index)
                await self._bury(bad.message, str(error))

    async def append(self, events: Sequence[Event]) -> list[Outcome]:
        """Store events and push them. Waits out a store that is unavailable.

        Raises:
            Fenced: this router does not own the shard (any more).
            BadEvent: see `Store.append`.
        """
        async with self._append_lock:
            term = self.term
            if term is None:
                raise Fenced(self.number, 0, 0)
            failures = self._failures
            outcomes = await self._persist(
                lambda: self._store.append(self.number, term, events, self._clock.wall_ms())
            )
            self._fanout.stored(self.number, term, events, outcomes)
            if self._failures != failures:
                # A commit whose answer was lost is a duplicate now, and was never pushed.
                self._fanout.gap(self.number, term, {event.address for event in events})
            return outcomes

    async def _persist(self, call: Callable[[], Awaitable[_T]]) -> _T:
        attempt = 0
        while True:
            try:
                return await call()
            except StoreUnavailable as error:
                # Nothing is acknowledged meanwhile: RabbitMQ holds the events.
                attempt += 1
                self._failures += 1
                log.warning("store_unavailable", shard=self.number, why=str(error))
                await asyncio.sleep(self._clock.jitter(attempt, cap=2.0))

    async def submit(self, event: Event) -> None:
        """Have an event of our own appended soon. Waits while too many are waiting."""
        await self._internal.put(event)

    async def run_internal(self) -> NoReturn:
        """Append our own events in batches; those of a shard that was lost are dropped."""
        while True:
            events = [await self._internal.get()]
            while not self._internal.empty() and len(events) < self._settings.batch:
                events.append(self._internal.get_nowait())
            try:
                await self.append(events)
            except Fenced:
                log.info("presence_dropped", shard=self.number, events=len(events))

    async def _bury(self, message: Message, reason: str) -> None:
        await bury(self._broker, message, reason)


async def bury(broker: Broker, message: Message, reason: str) -> None:
    """Publish a message to the dead-letter queue, confirmed, with the reason."""
    log.warning("dead_letter", reason=reason, app_id=message.app_id, exchange=message.exchange)
    await broker.publish(ingest.dead(message, reason))
    metrics.DEAD.inc()


async def republish(broker: Broker, message: Message, fixed: Sequence[Message]) -> None:
    """Publish a misaddressed message where it belongs, confirmed."""
    log.warning(
        "readdressed",
        app_id=message.app_id,
        was=message.routing_key,
        now=[each.routing_key for each in fixed],
    )
    for each in fixed:
        await broker.publish(each)
    metrics.READDRESSED.labels(message.app_id).inc()
