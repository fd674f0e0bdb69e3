"""One shard: consume its queue, own it while the channel lives, store, acknowledge, push."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, NoReturn, TypeVar

import structlog

from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_router.broker.port import Broker, Channel, Delivery
from kull_router.clock import Clock
from kull_router.delivery import ingest
from kull_router.delivery.fanout import Fanout
from kull_router.delivery.journal import Journal
from kull_router.delivery.ownership import Claim, Step, is_probe
from kull_router.delivery.republisher import Republisher
from kull_router.delivery.store_traces import StoreTraces
from kull_router.errors import BadEvent, BrokerError, Fenced, StoreRefused, StoreUnavailable
from kull_router.measures.router import RouterMeasures
from kull_router.queues.entry import Contract, Entry, Event
from kull_router.queues.port import Outcome, Store
from kull_router.settings import RouterSettings

log = structlog.get_logger(__name__)

_T = TypeVar("_T")
EPHEMERAL_MS: Final = 5000  # what only counts now is worth nothing after that
_INTERNAL_LIMIT: Final = 10_000  # events of our own (presence) waiting per shard


@dataclass(frozen=True, slots=True)
class _Arrived:
    message: Message
    event: Event


class Shard:
    """The life of one shard at this router: see `ownership` for whose it is.

    The first delivery on a fresh channel claims the next term; losing the channel loses the shard.
    Events are acknowledged only after their commit, and pushed only after it; those of a batch when
    each of them is stored, re-addressed or buried.
    """

    def __init__(
        self,
        claim: Claim,
        *,
        settings: RouterSettings,
        broker: Broker,
        store: Store,
        fanout: Fanout,
        journal: Journal,
        traces: StoreTraces,
        clock: Clock,
        measures: RouterMeasures,
    ) -> None:
        self._claim = claim
        self._measures = measures
        self._settings = settings
        strict = settings.strict_events
        self._allowed = ingest.allowed_types(settings.types) if strict else None
        self._broker = broker
        self._store = store
        self._fanout = fanout
        self._clock = clock
        self._journal = journal
        self._traces = traces
        self._republisher = Republisher(broker, journal, measures.events)
        self._failures = 0  # calls that the store did not answer well
        self._append_lock = asyncio.Lock()  # pushes must leave in the order of their commits
        self._internal: asyncio.Queue[Event] = asyncio.Queue(_INTERNAL_LIMIT)

    @property
    def number(self) -> int:
        """Which shard this is."""
        return self._claim.shard

    @property
    def term(self) -> int | None:
        """The term under which this router owns it, None if it does not."""
        return self._claim.term

    async def run(self) -> NoReturn:
        """Consume for ever, with full jitter between attempts."""
        attempt = 0
        while True:
            if not self._claim.preferred:
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
                    self._claim.join()
                    await self._serve(channel)
                finally:
                    self._claim.lose()
                    await channel.aclose()
            except (BrokerError, Fenced) as error:
                attempt += 1
                log.info("shard_lost", shard=self.number, why=str(error))
                await asyncio.sleep(self._clock.jitter(attempt))
                await self._republisher.repair(after=error)

    async def _serve(self, channel: Channel) -> NoReturn:
        while True:
            deliveries = await channel.receive(self._settings.batch)
            messages = [each.message for each in deliveries]
            match self._claim.receive(messages, self._clock.monotonic()):
                case Step.CLAIM:
                    await self._claim_term(channel)
                case Step.CHECK:
                    await self.append([])
            await self._handle(deliveries)
            channel.ack(deliveries[-1].tag)
            if self._claim.is_wanted(messages):
                log.info("shard_handed_over", shard=self.number)
                await channel.aclose()

    async def _claim_term(self, channel: Channel) -> None:
        async def claim() -> int:
            channel.check()  # else it would claim, after the next owner, for a channel that is gone
            return await self._store.claim(self.number, self._settings.router_id)

        term = await self._persist(claim)
        log.debug("shard_owned", shard=self.number, term=term)
        self._claim.win(term)
        self._journal.owned(self.number, term)

    async def _handle(self, deliveries: Sequence[Delivery]) -> None:
        arrived: list[_Arrived] = []
        try:
            await self._handle_each(deliveries, arrived)
        except BaseException as error:
            for each in arrived:
                self._traces.failed(each.event, str(error))
            raise

    async def _handle_each(self, deliveries: Sequence[Delivery], arrived: list[_Arrived]) -> None:
        """Store what is in them; `arrived` holds what has come and is not dealt with."""
        now_ms, age_ms = self._clock.wall_ms(), self._clock.age_ms()
        for delivery in deliveries:
            if delivery.redelivered:
                self._measures.events.redelivered.value += 1
            if is_probe(delivery.message):
                continue
            for message in await self._republisher.taken_apart(delivery):
                found = await self._republisher.understood(
                    message, partial(self._read, message, now_ms, age_ms)
                )
                if isinstance(found, Event):
                    arrived.append(_Arrived(message, self._traces.arrived(found)))
                elif found is not None:
                    await self._republisher.readdress(message, found)
            if len(arrived) >= self._settings.batch:  # messages may hold many events each
                await self._store_arrived(arrived)
                arrived.clear()
        await self._store_arrived(arrived)

    def _read(self, message: Message, now_ms: int, age_ms: int) -> Event | list[Message]:
        return ingest.read(
            message,
            shard=self.number,
            shard_count=self._settings.shard_count,
            now_ms=now_ms,
            age_ms=age_ms,
            new_id=self._clock.new_id,
            allowed=self._allowed,
        )

    async def _store_arrived(self, arrived: list[_Arrived]) -> None:
        since = self._clock.wall_ms() - EPHEMERAL_MS
        for each in arrived:
            if each.event.contract is not Contract.EPHEMERAL or self.term is None:
                continue
            if each.event.created_ms >= since:
                self._fanout.push(self.number, self.term, Entry(seq=0, event=each.event))
                self._measures.events.events.add(each.event.type, "ephemeral")
            self._traces.stored(each.event)
        kept = [each for each in arrived if each.event.contract is not Contract.EPHEMERAL]
        messages = {id(each.event): each.message for each in kept}

        async def bury(event: Event, why: str) -> None:
            await self._republisher.bury(messages[id(event)], why)
            self._traces.failed(event, why)

        await self._append_good([each.event for each in kept], bury)

    async def _append_good(
        self, events: list[Event], bad: Callable[[Event, str], Awaitable[None]]
    ) -> None:
        """Append events in order, save those that can never be stored: `bad` gets them, and why.

        One bad row must not block a shard: what the database refuses is halved until it stands
        alone. Raises Fenced.
        """
        waiting = deque([events] if events else [])
        while waiting:
            part = waiting.popleft()
            try:
                await self.append(part)
            except BadEvent as error:
                await bad(part[error.index], str(error))
                rest = part[: error.index] + part[error.index + 1 :]
                if rest:
                    waiting.appendleft(rest)
            except StoreRefused as error:
                if len(part) == 1:
                    await bad(part[0], str(error))
                else:
                    half = len(part) // 2
                    waiting.extendleft((part[half:], part[:half]))

    async def append(self, events: Sequence[Event]) -> list[Outcome]:
        """Store events and push them. Waits out a store that is unavailable.

        Raises:
            Fenced: this router does not own the shard (any more).
            StoreRefused, BadEvent: see `Store.append`.
        """
        async with self._append_lock:
            term = self.term
            if term is None:
                raise Fenced(self.number, 0, 0)
            failures = self._failures
            with self._traces.commit(events):
                outcomes = await self._persist(
                    lambda: self._store.append(self.number, term, events, self._clock.age_ms())
                )
            self._fanout.stored(self.number, term, events, outcomes, self._clock.wall_ms())
            if self._failures != failures:
                # A commit whose answer was lost is a duplicate now, and was never pushed.
                self._fanout.gap(
                    self.number, term, dict.fromkeys(event.address for event in events)
                )
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
                self._measures.store.failed.value += 1
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
                await self._append_good(events, _drop)
            except Fenced:
                log.info("presence_dropped", shard=self.number, events=len(events))


async def _drop(event: Event, why: str) -> None:
    log.error("own_event_dropped", type=event.type, why=why)
