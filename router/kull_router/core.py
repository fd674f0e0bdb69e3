"""The router without its sockets: everything between the ports.

`node.Router` opens the real adapters around it; a simulation opens twins.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import cached_property
from itertools import count
from typing import NoReturn

import structlog

from kull_protos.common.flight_recorder import FlightRecorder
from kull_protos.common.tracing import NO_TRACER, Tracer
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router import __version__
from kull_router.access.authority import Authority
from kull_router.access.revocations import RevocationLog
from kull_router.access.tokens import TokenVerifier
from kull_router.broker.port import Broker
from kull_router.clock import Clock
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.delivery.fanout import Fanout
from kull_router.delivery.journal import Journal
from kull_router.delivery.send_queue import SendQueue
from kull_router.delivery.shards import Shards
from kull_router.delivery.store_traces import StoreTraces
from kull_router.delivery.subscriptions import Subscriptions
from kull_router.delivery.unrouted import Unrouted
from kull_router.errors import BrokerError, StoreUnavailable
from kull_router.measures.router import RouterMeasures
from kull_router.queues.database import Database
from kull_router.retention_clock import RetentionClock
from kull_router.rooms.rosters import Rosters
from kull_router.sessions.admission import Admission
from kull_router.sessions.cursor_writer import CursorWriter
from kull_router.sessions.devices import Devices
from kull_router.sessions.dispatcher import Dispatcher
from kull_router.sessions.enforcement import Enforcement
from kull_router.sessions.recollection import Recollection
from kull_router.sessions.requests import Requests
from kull_router.sessions.sessions import Sessions
from kull_router.sessions.sign_out import SignOut
from kull_router.settings import RouterSettings
from kull_router.status.service import StatusService
from kull_router.vitals import Vitals

log = structlog.get_logger(__name__)


class RouterCore:
    """Owns shards, keeps queues, serves edges. `run` is its life; streams come and go meanwhile."""

    def __init__(
        self,
        settings: RouterSettings,
        *,
        broker: Broker,
        store: Database,
        verifier: TokenVerifier,
        clock: Clock | None = None,
        tracer: Tracer = NO_TRACER,
        measures: RouterMeasures | None = None,
    ) -> None:
        self.settings = settings
        self.measures = measures or RouterMeasures()
        self.broker = broker
        self.store = store
        self.clock = _ageing(clock or Clock(), store)
        self.journal = _journal(settings, self.clock)
        self.subscriptions = Subscriptions()
        self.fanout = Fanout(self.subscriptions, self.journal, self.measures.events)
        self.recollection = Recollection(self.fanout, self.clock)
        self.rosters = self._all_rosters()
        self.sessions = Sessions(
            settings,
            subscriptions=self.subscriptions,
            fanout=self.fanout,
            rosters=self.rosters,
            journal=self.journal,
            clock=self.clock,
            measures=self.measures.sessions,
        )
        self.shards = self._all_shards(
            StoreTraces(tracer, given_up=self.measures.events.traces_given_up)
        )
        self._unrouted = self._of_no_shard()
        self._authority = _authority(settings, store, verifier, self.clock)
        self.enforcement = Enforcement(
            settings,
            sessions=self.sessions,
            authority=self._authority,
            subscriptions=self.subscriptions,
            clock=self.clock,
        )
        self.cursors = self._cursor_writer()
        self.vitals = Vitals(store=store, broker=broker, clock=self.clock)
        self._devices = self._known_devices()
        self.status = self._users_status()
        self._dispatcher = self._dispatch()
        self.drained = asyncio.Event()  # an operator wants this router to stop
        self._numbers = count(1)
        self._life: asyncio.Task[None] | None = None

    def _all_shards(self, traces: StoreTraces) -> Shards:
        return Shards(
            self.settings,
            broker=self.broker,
            store=self.store,
            fanout=self.fanout,
            journal=self.journal,
            traces=traces,
            clock=self.clock,
            measures=self.measures,
            moved=self._moved,
        )

    def _moved(self, shard: int) -> None:
        self.sessions.drop_shard(shard)
        self.status.moved(shard)

    def _users_status(self) -> StatusService:
        return StatusService(
            self.settings,
            store=self.store,
            broker=self.broker,
            shards=self.shards,
            sessions=self.sessions,
            authority=self._authority,
            subscriptions=self.subscriptions,
            fanout=self.fanout,
            clock=self.clock,
            measures=self.measures.status,
        )

    def _all_rosters(self) -> Rosters:
        return Rosters(
            self.settings,
            subscriptions=self.subscriptions,
            fanout=self.fanout,
            clock=self.clock,
            measures=self.measures.rooms,
        )

    def _cursor_writer(self) -> CursorWriter:
        return CursorWriter(
            store=self.store,
            journal=self.journal,
            clock=self.clock,
            interval=self.settings.cursor_flush,
            measures=self.measures.store,
        )

    def _of_no_shard(self) -> Unrouted:
        return Unrouted(
            self.settings,
            broker=self.broker,
            journal=self.journal,
            clock=self.clock,
            measures=self.measures.events,
        )

    def _known_devices(self) -> Devices:
        return Devices(
            self.settings,
            registry=self.sessions.registry,
            store=self.store,
            shards=self.shards,
            clock=self.clock,
        )

    @cached_property
    def sign_out(self) -> SignOut:
        """What signs devices out, for edges and for gateways."""
        return SignOut(
            self.settings,
            store=self.store,
            authority=self._authority,
            enforcement=self.enforcement,
            registry=self.sessions.registry,
            subscriptions=self.subscriptions,
            devices=self._devices,
            shards=self.shards,
            clock=self.clock,
        )

    def _dispatch(self) -> Dispatcher:
        return Dispatcher(
            sessions=self.sessions,
            admission=Admission(
                self.settings,
                store=self.store,
                authority=self._authority,
                sessions=self.sessions,
                subscriptions=self.subscriptions,
                cursors=self.cursors,
                devices=self._devices,
                shards=self.shards,
                journal=self.journal,
                clock=self.clock,
            ),
            requests=Requests(
                self.settings,
                store=self.store,
                broker=self.broker,
                subscriptions=self.subscriptions,
                cursors=self.cursors,
                shards=self.shards,
                clock=self.clock,
                measures=self.measures.sessions,
            ),
            enforcement=self.enforcement,
            sign_out=self.sign_out,
            recollection=self.recollection,
            watch=self.status.watches.asked,
        )

    @property
    def terms(self) -> dict[int, int]:
        """The shards owned now, with their terms."""
        return self.shards.ownership.terms

    @property
    def ready(self) -> bool:
        """Whether RabbitMQ is there and this router owns shards."""
        return self.broker.connected and bool(self.terms)

    async def run(self) -> None:
        """Wait for RabbitMQ, then work until cancelled or closed.

        A side task that dies takes the router down, loudly.
        """
        self._life = asyncio.current_task()
        await self.broker.start(self.settings.shard_count)
        async with asyncio.TaskGroup() as tasks:
            self._dispatcher.start(tasks)
            self.shards.start(tasks)
            self.status.start(tasks)
            tasks.create_task(self._unrouted.run(), name="unrouted")
            tasks.create_task(self._trim(), name="trim")
            tasks.create_task(self._repair(), name="repair")
            tasks.create_task(self.enforcement.run_revocations(), name="revocations")
            tasks.create_task(self.enforcement.run_expiry(), name="expiry")
            tasks.create_task(self._devices.run(), name="devices")
            tasks.create_task(self._devices.run_touch(), name="touch")
            tasks.create_task(self.cursors.run(), name="cursors")
            tasks.create_task(self.rosters.run(), name="rosters")
            tasks.create_task(self.vitals.run(), name="vitals")

    async def aclose(self) -> None:
        """Stop in order: tell the edges, hand over the shards, write cursors, end the streams.

        Broker and store stay open: they are the caller's. What `run` died of, `run` raises.
        """
        self.fanout.announce(pb.AttachResponse(drain=pb.Drain()))
        if self._life:
            self._life.cancel()
            await asyncio.wait({self._life})
        await self.cursors.flush()
        for stream in self.fanout.each():
            self.close_stream(stream)

    # -- edges ---------------------------------------------------------------------------------

    def open_stream(self, hello: pb.Hello) -> EdgeStream:
        """An edge has attached: greet it. The caller sends what `EdgeStream.next` returns."""
        stream = EdgeStream(
            next(self._numbers),
            hello,
            send_queue=SendQueue(limit_bytes=self.settings.send_queue_bytes),
            attached_ms=self.clock.wall_ms(),
            subscribes=self.settings.subscribes_in_flight,
            fetches=self.settings.fetch_credits,
            publishes=self.settings.publishes_in_flight,
            now=self.clock.monotonic,
        )
        stream.send(
            pb.AttachResponse(
                welcome=pb.Welcome(
                    router_id=self.settings.router_id,
                    version=__version__,
                    shard_count=self.settings.shard_count,
                    epoch=self.store.epoch,
                    fetch_credits=self.settings.fetch_credits,
                )
            )
        )
        stream.send(self.shards.ownership.frame())
        self.fanout.attach(stream)
        log.info("edge_attached", edge=stream.node_id)
        return stream

    def now_us(self) -> int:
        """Return microseconds of this router's monotonic clock: see `AttachResponses.sent_us`."""
        return round(self.clock.monotonic() * 1e6)

    def heard(self, stream: EdgeStream, sent_ms: int) -> None:
        """A message of an edge came, sent then by its clock."""
        stream.clock.heard(sent_ms, self.clock.monotonic())

    def close_stream(self, stream: EdgeStream) -> None:
        """The edge is gone: forget its sessions. Idempotent."""
        stream.close()
        if self.fanout.detach(stream):
            self.sessions.detach(stream)
            self.status.detach(stream)
            log.info("edge_detached", edge=stream.node_id)

    async def receive(self, stream: EdgeStream, request: pb.AttachRequest) -> None:
        """Take one frame of an edge. Waits only for earlier requests, never for what is sent."""
        await self._dispatcher.receive(stream, request)

    def drain(self, node_id: str, reason: str) -> int | None:
        """Make an edge, or this router, stop in order; return how many sessions will move.

        None: there is no such node here.
        """
        if node_id == self.settings.router_id:
            log.warning("drained", reason=reason)
            self.drained.set()
            told = self.fanout.each()
        else:
            told = [stream for stream in self.fanout.each() if stream.node_id == node_id]
            if not told:
                return None
            for stream in told:
                stream.send(pb.AttachResponse(drain_order=pb.DrainOrder(reason=reason)))
        return sum(map(self.sessions.registry.count_of, {stream.number for stream in told}))

    async def _repair(self) -> NoReturn:
        """Look for what no consumer notices: a deleted exchange, a removed binding."""
        while True:
            await asyncio.sleep(self.settings.topology_interval)
            try:
                await self.broker.repair()
            except BrokerError as error:
                log.debug("repair_failed", why=str(error))

    async def _trim(self) -> NoReturn:
        """Apply the ages of the retention. At once: that notes the time, for whoever comes next."""
        while True:
            began = self.clock.monotonic()
            try:
                removed = await self.store.trim(self.clock.age_ms())
                await self._authority.expire()
            except StoreUnavailable as error:
                log.warning("trim_failed", why=str(error))
            else:
                self.measures.store.swept(self.clock.monotonic() - began, removed)
                if removed:
                    log.info("trimmed", rows=removed)
            await asyncio.sleep(self.settings.trim_interval)


def _ageing(clock: Clock, store: Database) -> Clock:
    ages = RetentionClock(wall_ms=clock.wall_ms, monotonic=clock.monotonic, since_ms=store.time_ms)
    return replace(clock, age=ages.ms)


def _journal(settings: RouterSettings, clock: Clock) -> Journal:
    recorder = FlightRecorder(settings.flight_recorder_bytes)
    return Journal(settings.router_id, recorder=recorder, clock=clock)


def _authority(
    settings: RouterSettings, revocations: RevocationLog, verifier: TokenVerifier, clock: Clock
) -> Authority:
    return Authority(
        log=revocations,
        verifier=verifier,
        clock=clock,
        grace=settings.token_grace,
        max_ttl=settings.token_max_ttl,
    )
