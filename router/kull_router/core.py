"""The router without its sockets: everything between the ports.

`node.Router` opens the real adapters around it; a simulation opens twins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from itertools import count
from typing import Any, Final, NoReturn

import structlog

from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router import __version__, metrics
from kull_router.access.authority import Authority
from kull_router.access.tokens import TokenVerifier
from kull_router.broker.port import Broker
from kull_router.clock import Clock
from kull_router.delivery import ingest
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.delivery.fanout import Fanout, owned_frame
from kull_router.delivery.send_queue import Outbox
from kull_router.delivery.shard import Shard, bury, republish
from kull_router.errors import BrokerError, PoisonMessage, StoreUnavailable
from kull_router.queues.database import Database
from kull_router.sessions.admission import Sessions
from kull_router.sessions.enforcement import Rights
from kull_router.sessions.requests import Pulls
from kull_router.settings import RouterSettings

log = structlog.get_logger(__name__)

_OWN_EVERY: Final = 5  # rounds of probes in which shards of our own get one as well


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
    ) -> None:
        self.settings = settings
        self.broker = broker
        self.store = store
        self.clock = clock or Clock()
        self.fanout = Fanout()
        self.incarnation = self.clock.new_id()
        self.shards = {
            number: Shard(
                number,
                settings=settings,
                broker=broker,
                store=store,
                fanout=self.fanout,
                clock=self.clock,
                changed=self._ownership_changed,
                announce=self._announce,
            )
            for number in range(settings.shard_count)
        }
        authority = Authority(
            log=store,
            verifier=verifier,
            clock=self.clock,
            grace=settings.token_grace,
            max_ttl=settings.token_max_ttl,
        )
        self._authority = authority
        self.sessions = Sessions(
            settings=settings,
            store=store,
            authority=authority,
            fanout=self.fanout,
            shards=self.shards,
            clock=self.clock,
        )
        self.rights = Rights(
            settings,
            sessions=self.sessions,
            authority=authority,
            fanout=self.fanout,
            clock=self.clock,
        )
        self._pulls = Pulls(
            settings=settings,
            store=store,
            broker=broker,
            fanout=self.fanout,
            shards=self.shards,
            clock=self.clock,
        )
        self.drained = asyncio.Event()  # an operator wants this router to stop
        self._numbers = count(1)
        self._tasks: asyncio.TaskGroup | None = None

    @property
    def terms(self) -> dict[int, int]:
        """The shards owned now, with their terms."""
        return {n: shard.term for n, shard in self.shards.items() if shard.term is not None}

    @property
    def standby(self) -> list[int]:
        """The shards that another router owns: RabbitMQ is there, and lets this one wait."""
        return [n for n, shard in self.shards.items() if shard.standing_by]

    @property
    def ready(self) -> bool:
        """Whether RabbitMQ is there and every shard that it served has an owner here."""
        return self.broker.connected and bool(self.terms)

    def wants(self, shard: int) -> bool:
        """Whether another router that does not prefer this shard should hand it over."""
        return bool(self.settings.preferred_shards) and self.settings.prefers(shard)

    async def run(self) -> None:
        """Run until cancelled. A side task that dies takes the router down, loudly."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for shard in self.shards.values():
                tasks.create_task(shard.run(), name=f"shard-{shard.number:02d}")
                tasks.create_task(shard.run_internal(), name=f"shard-{shard.number:02d}-internal")
            tasks.create_task(self._probe(), name="probe")
            tasks.create_task(self._readdress(), name="readdress")
            tasks.create_task(self._trim(), name="trim")
            tasks.create_task(self.rights.run_revocations(), name="revocations")
            tasks.create_task(self.rights.run_expiry(), name="expiry")
            tasks.create_task(self.sessions.run_presence(), name="presence")
            tasks.create_task(self.sessions.run_cursors(), name="cursors")
            tasks.create_task(self.sessions.run_touch(), name="touch")

    def _ownership_changed(self, shard: int, _term: int | None) -> None:
        self.sessions.drop_shard(shard)
        owned = len(self.terms)
        metrics.OWNED.set(owned)
        if owned in {0, self.settings.shard_count}:
            log.info("shards_owned", shards=owned, of=self.settings.shard_count)
        self._announce()

    def _announce(self) -> None:
        self.fanout.announce(owned_frame(self.terms, self.standby))

    # -- edges ---------------------------------------------------------------------------------

    def open_stream(self, hello: pb.Hello) -> EdgeStream:
        """An edge has attached: greet it. The caller sends what `EdgeStream.next` returns."""
        stream = EdgeStream(
            next(self._numbers),
            hello,
            outbox=Outbox(limit_bytes=self.settings.outbox_bytes),
            attached_ms=self.clock.wall_ms(),
            subscribes=self.settings.subscribes_in_flight,
            fetches=self.settings.fetch_credits,
            publishes=self.settings.publishes_in_flight,
        )
        stream.send(
            pb.AttachResponse(
                welcome=pb.Welcome(
                    router_id=self.settings.router_id,
                    incarnation=self.incarnation,
                    version=__version__,
                    shard_count=self.settings.shard_count,
                    epoch=self.store.epoch,
                    fetch_credits=self.settings.fetch_credits,
                )
            )
        )
        stream.send(owned_frame(self.terms, self.standby))
        self.fanout.streams[stream.number] = stream
        metrics.EDGES.set(len(self.fanout.streams))
        log.info("edge_attached", edge=stream.node_id)
        return stream

    def close_stream(self, stream: EdgeStream) -> None:
        """The edge is gone: forget its sessions. Idempotent."""
        stream.close()
        if self.fanout.streams.pop(stream.number, None):
            self.sessions.detach(stream)
            metrics.EDGES.set(len(self.fanout.streams))
            log.info("edge_detached", edge=stream.node_id)

    def drain(self, node_id: str, reason: str) -> int | None:
        """Make an edge, or this router, stop in order; return how many sessions will move.

        None: there is no such node here.
        """
        told = [stream for stream in self.fanout.streams.values() if stream.node_id == node_id]
        if node_id == self.settings.router_id:
            log.warning("drained", reason=reason)
            self.drained.set()
            told = list(self.fanout.streams.values())
        else:
            for stream in told:
                stream.send(pb.AttachResponse(leave=pb.Leave(reason=reason)))
        if not told and not self.drained.is_set():
            return None
        numbers = {stream.number for stream in told}
        return sum(key.stream in numbers for key, _ in self.sessions.registry.sessions())

    async def receive(self, stream: EdgeStream, request: pb.AttachRequest) -> None:
        """Take one frame of an edge. Waits only for earlier requests, never for what is sent."""
        kind = request.WhichOneof("frame")
        if kind == "acks":
            self.sessions.acknowledge(stream, request.acks)
        elif kind == "subscribe":
            await stream.subscribes.acquire()
            # Registered at once: an unsubscribe right behind must find it.
            work = self.sessions.subscribe(stream, request.subscribe)
            self._spawn(stream, work, "subscribe", stream.subscribes)
        elif kind == "fetch":
            await stream.fetches.acquire()
            work = self._pulls.fetch(stream, request.fetch)
            self._spawn(stream, work, "fetch", stream.fetches)
        elif kind == "publish":
            work = self._pulls.publish(stream, request.publish)
            await self._spawn_if_free(stream, work, request.publish, kind)
        elif kind == "logout":
            work = self.rights.logout(stream, request.logout)
            await self._spawn_if_free(stream, work, request.logout, kind)
        elif kind == "refresh":
            self.rights.refresh(stream, request.refresh)
        elif kind == "unsubscribe":
            self.sessions.unsubscribe(stream, request.unsubscribe)
        else:
            log.warning("unexpected_frame", edge=stream.node_id, frame=kind)
            self.close_stream(stream)

    async def _spawn_if_free(
        self,
        stream: EdgeStream,
        work: Coroutine[Any, Any, None],
        request: pb.Publish | pb.Logout,
        name: str,
    ) -> None:
        if stream.publishes.locked():
            work.close()
            # Waiting here would hold up acks and fetches behind a slow broker.
            stream.send(
                pb.AttachResponse(
                    published=pb.Published(
                        request_id=request.request_id,
                        session_id=request.session_id,
                        error_code="busy",
                        error="too many messages are waiting: send it again in a moment",
                    )
                )
            )
            return
        await stream.publishes.acquire()
        self._spawn(stream, work, name, stream.publishes)

    def _spawn(
        self,
        stream: EdgeStream,
        work: Coroutine[Any, Any, None],
        name: str,
        slots: asyncio.Semaphore,
    ) -> None:
        if self._tasks is None:
            raise RuntimeError("RouterCore.run is not running")
        guarded = _guarded(stream, work, name, slots)
        try:
            task = self._tasks.create_task(guarded, name=name)
        except RuntimeError:  # this router is stopping: nobody will answer
            guarded.close()
            work.close()
            stream.close()
        else:
            # Of no effect, unless it was cancelled unbegun.
            task.add_done_callback(lambda _: work.close())

    # -- side tasks ----------------------------------------------------------------------------

    async def _probe(self) -> NoReturn:
        """Let every shard's active consumer notice that it is the active one, or no more."""
        rounds = count()
        while True:
            look = next(rounds) % _OWN_EVERY == 0
            try:
                for number, shard in self.shards.items():
                    if shard.term is None:
                        wanted = self.settings.router_id if self.wants(number) else ""
                        await self.broker.publish(ingest.probe(number, wanted_by=wanted))
                    elif look:
                        await self.broker.publish(ingest.probe(number))
            except BrokerError as error:
                log.debug("probe_failed", why=str(error))
            await asyncio.sleep(self.settings.probe_interval)

    async def _readdress(self) -> NoReturn:
        """Give what was published without a shard its address, or the dead-letter queue."""
        attempt = 0
        while True:
            try:
                channel = await self.broker.consume(
                    topology.UNROUTED, single_active=False, prefetch=self.settings.prefetch
                )
                try:
                    attempt = 0
                    while True:
                        deliveries = await channel.receive(self.settings.batch)
                        for delivery in deliveries:
                            await self._readdress_one(delivery.message)
                        channel.ack(deliveries[-1].tag)
                finally:
                    await channel.aclose()
            except BrokerError as error:
                attempt += 1
                log.info("unrouted_lost", why=str(error))
                await asyncio.sleep(self.clock.jitter(attempt))

    async def _readdress_one(self, message: Message) -> None:
        try:
            fixed = ingest.readdress(
                message,
                shard_count=self.settings.shard_count,
                now_ms=self.clock.wall_ms(),
                new_id=self.clock.new_id,
            )
        except PoisonMessage as error:
            await bury(self.broker, message, str(error))
        except Exception as error:
            # A fault of ours: it would take one router after the other down with everybody.
            log.exception("message_not_understood")
            await bury(self.broker, message, f"a fault of the router: {error!r}")
        else:
            await republish(self.broker, message, fixed)

    async def _trim(self) -> NoReturn:
        """Apply the ages of the retention."""
        while True:
            await asyncio.sleep(self.settings.trim_interval)
            try:
                removed = await self.store.trim(self.clock.wall_ms())
                await self._authority.expire()
            except StoreUnavailable as error:
                log.warning("trim_failed", why=str(error))
            else:
                if removed:
                    log.info("trimmed", rows=removed)


async def _guarded(
    stream: EdgeStream, work: Coroutine[Any, Any, None], name: str, slots: asyncio.Semaphore
) -> None:
    """Answer one request. A fault in it ends this edge's stream, not the router with everybody."""
    try:
        await work
    except Exception:
        # The edge waits for an answer: attaching anew is the one way that settles everything.
        log.exception("request_failed", request=name, edge=stream.node_id)
        stream.close()
    finally:
        slots.release()
