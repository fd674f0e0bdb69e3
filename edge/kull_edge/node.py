"""The edge node: sockets, links and clock around the hub, started and stopped in order."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterable, Sequence
from math import inf
from types import TracebackType

import structlog

from kull_edge import __version__
from kull_edge.errors import CannotListen, ComponentDied
from kull_edge.hub import Hub
from kull_edge.link.certificates import ChannelCertificates
from kull_edge.link.grpc import links_to
from kull_edge.link.links import Links
from kull_edge.link.port import RouterLink
from kull_edge.metrics import EdgeMetrics
from kull_edge.protocol.handshake import Handshake
from kull_edge.session.effects import (
    Close,
    Cut,
    DrainAsked,
    Effect,
    ForDevice,
    Limited,
    Opened,
    Ping,
    RouterDrains,
    ToRouter,
    UnexpectedFrame,
    Write,
)
from kull_edge.settings import EdgeSettings
from kull_edge.socket.admission import Admission, Refusal, UpgradeRequest
from kull_edge.socket.connection import Connection, HttpFallback
from kull_edge.timers import Timers
from kull_protos.common.client_address import coarse, form_of
from kull_protos.common.hosts import authority
from kull_protos.common.places import Places
from kull_protos.common.tracing import NO_TRACER, Tracer
from kull_protos.contract.close_codes import TRY_AGAIN
from kull_protos.mesh.v1.attach_pb2 import AttachResponse, Hello, Welcome
from kull_protos.serving.listener import Listener, bind

log = structlog.get_logger(__name__)


class Edge:
    """`async with Edge(settings) as edge:` is a running edge.

    Args:
        settings: see EdgeSettings.
        http_fallback: makes the protocol that serves every request but `/ws`.
        links: instead of gRPC links to `settings.routers`.
        places: shared with others of this process; by default its own, as its settings say.
    """

    def __init__(
        self,
        settings: EdgeSettings,
        *,
        http_fallback: HttpFallback | None = None,
        links: Sequence[RouterLink] | None = None,
        places: Places | None = None,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        self._settings = settings
        self._log = log.bind(edge=settings.node_id)
        rng = random.SystemRandom()
        self._links = Links(links) if links else self._links_by_grpc(settings, rng)
        self._hub = Hub(
            settings,
            routers=len(self._links),
            wall_ms=lambda: time.time_ns() // 1_000_000,
            rng=rng,
            tracer=tracer,
        )
        self._http_fallback = http_fallback
        self._admission = Admission(
            settings, origins=settings.allowed_origins, unreadable=self._forwarded_unreadable
        )
        self._told_unreadable = False
        self._connections: dict[int, Connection] = {}
        self.metrics = EdgeMetrics(settings.node_id, self._hub, self._links, self._connections)
        self._places = places or Places(settings.place_limits, told=self.metrics.connections.cut)
        self._all_gone = asyncio.Event()
        self._deadlines: Timers[int] = Timers()  # of connections that begin or end
        self._wake: asyncio.TimerHandle | None = None
        self._wake_at = inf  # when it wakes us up
        self._listener: Listener | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._draining = False
        self._asked_to_drain = asyncio.Event()
        self._port = 0

    def _links_by_grpc(self, settings: EdgeSettings, rng: random.Random) -> Links:
        return links_to(
            settings.router_addresses,
            settings.router_names,
            self.hello(settings.node_id),
            rng=rng,
            certificates=ChannelCertificates(settings.tls_ca, settings.tls_cert, settings.tls_key),
        )

    @staticmethod
    def hello(node_id: str) -> Hello:
        """Return how an edge of this name introduces itself in this process."""
        return Hello(node_id=node_id, version=__version__)

    @property
    def port(self) -> int:
        """The port that devices connect to."""
        return self._port

    @property
    def url(self) -> str:
        """The address of the WebSockets."""
        return f"ws://{authority(self._settings.host, self._port)}/ws"

    @property
    def ready(self) -> bool:
        """Whether a router that owns shards is linked, and the edge is not leaving."""
        return self._hub.ready and not self._draining

    @property
    def session_count(self) -> int:
        """How many sessions there are."""
        return self._hub.session_count

    # Life

    async def __aenter__(self) -> Edge:
        """Listen and link. Raises CannotListen."""
        self._loop = asyncio.get_running_loop()
        settings = self._settings
        try:
            sockets = bind(settings.host, settings.port, share=settings.share_port)
            self._listener = Listener(sockets, self._connection, shed=self._places.shed)
            self._listener.start()
        except OSError as error:
            raise CannotListen(
                f"cannot listen for devices on {settings.host}:{settings.port}: "
                f"{error.strerror}. Is another edge running? Set KULL_EDGE_PORT to a free port"
            ) from error
        self._port = self._listener.address[1]
        run = self._links.run(self, self._hub.expect_routers)
        self._tasks = [asyncio.create_task(run, name="links")]
        log.info("edge_started", edge=self._settings.node_id, url=self.url)
        return self

    def _connection(self) -> Connection:
        return Connection(
            self,
            self._settings,
            write_limit=self._settings.write_limit,
            http_fallback=self._http_fallback,
        )

    async def wait(self) -> None:
        """Wait until an operator drains the edge, or a part dies: then raise ComponentDied."""
        asked = asyncio.create_task(self._asked_to_drain.wait(), name="asked to drain")
        try:
            await asyncio.wait({asked, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asked.cancel()
        for task in self._tasks:
            if task.done():
                error = None if task.cancelled() else task.exception()
                raise ComponentDied(f"{task.get_name()} ended") from error

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop in order: accept nothing, send devices elsewhere, flush, unlink."""
        self._draining = True
        if self._listener:
            self._listener.close()
        self._run(self._hub.drain(self._settings.drain, self._now()))
        await self._wait_for_connections()
        await self._links.flush()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._wake:
            self._wake.cancel()
        log.info("edge_stopped", edge=self._settings.node_id)

    async def _wait_for_connections(self) -> None:
        for connection in list(self._connections.values()):
            if not connection.is_websocket:
                connection.abort()
        try:
            async with asyncio.timeout(self._settings.drain + self._settings.close_timeout):
                while self._connections:
                    self._all_gone.clear()
                    await self._all_gone.wait()
        except TimeoutError:
            log.warning("connections_cut", count=len(self._connections))
            for connection in list(self._connections.values()):
                connection.abort()

    # ConnectionHost

    def connected(self, connection: Connection) -> int:
        """See ConnectionHost."""
        number = self._places.enter(connection.abort, peer=connection.peer)
        self._connections[number] = connection
        self._deadline(number, self._settings.handshake_timeout)
        return number

    def admit(self, connection: Connection, request: UpgradeRequest) -> Refusal | None:
        """See ConnectionHost."""
        refusal = self._admission.admit(connection.number, request, self._now())
        if refusal:
            self.metrics.connections.refused.add(refusal.why)
            self._log.info("connection_refused", why=refusal.why, peer=coarse(request.peer))
        return refusal

    def _forwarded_unreadable(self, text: str) -> None:
        if not self._told_unreadable:
            self._told_unreadable = True
            hint = "limits per address count the proxy: it must name an IP address there"
            log.warning("forwarded_for_unreadable", form=form_of(text[:100]), hint=hint)

    def refused(self, why: str) -> None:
        """See ConnectionHost."""
        self.metrics.connections.refused.add(why)

    def failed(self, code: int) -> None:
        """See ConnectionHost."""
        self.metrics.connections.closes.add(str(code))

    def throttled(self, connection: Connection) -> None:
        """See ConnectionHost."""
        self.metrics.connections.throttled.value += 1
        self._run(self._hub.throttled(connection.number, self._now()))

    def opened(self, connection: Connection, request: Handshake) -> None:
        """See ConnectionHost."""
        self._deadlines.cancel(connection.number)
        self._run(self._hub.connected(connection.number, request, self._now()))

    def received(self, connection: Connection) -> None:
        """See ConnectionHost."""
        self._hub.received(connection.number, self._now())

    def text(self, connection: Connection, text: str) -> None:
        """See ConnectionHost."""
        self._run(self._hub.text(connection.number, text, self._now()))

    def binary(self, connection: Connection) -> None:
        """See ConnectionHost."""
        self._run(self._hub.binary(connection.number, self._now()))

    def pong(self, connection: Connection, payload: bytes) -> None:
        """See ConnectionHost."""
        self._run(self._hub.pong(connection.number, payload, self._now()))

    def writable(self, connection: Connection, writable: bool) -> None:
        """See ConnectionHost."""
        self._run(self._hub.writable(connection.number, writable, self._now()))

    def closing(self, connection: Connection) -> None:
        """See ConnectionHost."""
        self._deadline(connection.number, self._settings.close_timeout)
        self._places.waits(connection.number)
        self._run(self._hub.disconnected(connection.number, self._now()))

    def lost(self, connection: Connection) -> None:
        """See ConnectionHost."""
        self._connections.pop(connection.number, None)
        self._places.leave(connection.number)
        self._admission.left(connection.number)
        self._deadlines.cancel(connection.number)
        if not self._connections:
            self._all_gone.set()
        self._run(self._hub.disconnected(connection.number, self._now()))

    # LinkListener

    def link_up(self, link: str, welcome: Welcome) -> None:
        """See LinkListener."""
        self._run(self._hub.link_up(link, welcome, self._now()))

    def link_heard(self, link: str, sent_us: int) -> None:
        """See LinkListener."""
        self._hub.link_heard(link, sent_us, self._now())

    def link_frame(self, link: str, frame: AttachResponse) -> None:
        """See LinkListener."""
        self._run(self._hub.link_frame(link, frame, self._now()))
        self._hub.written(self._now())

    def link_down(self, link: str) -> None:
        """See LinkListener."""
        self._run(self._hub.link_down(link, self._now()))

    # Doing

    def _run(self, effects: Iterable[Effect]) -> None:
        """Do what the hub wants; each socket that got something is written to once."""
        touched: dict[int, Connection] = {}
        for effect in effects:
            if isinstance(effect, (Write, Ping, Close, Cut)):
                connection = self._connections.get(effect.session_id)
                if connection:
                    self._to_device(connection, effect)
                    touched[effect.session_id] = connection
            elif isinstance(effect, ToRouter):
                self._to_router(effect)
            else:
                self._report(effect)
        for connection in touched.values():
            connection.flush()
        self._set_alarm()

    def _to_device(self, connection: Connection, effect: ForDevice) -> None:
        match effect:
            case Write(_, messages):
                connection.send(messages)
                self.metrics.connections.messages.value += len(messages)
            case Ping(_, payload):
                connection.ping(payload)
            case Close(session, code, reason):
                self._log.info("session_closed", session=session, code=code, reason=reason)
                self.metrics.connections.closes.add(str(int(code)))
                connection.close(code, reason)
            case Cut(session, why):
                self._log.info("session_cut", session=session, why=why)
                self.metrics.connections.closes.add(str(TRY_AGAIN))
                connection.abort()

    def _report(self, effect: Effect) -> None:
        match effect:
            case Opened(session, outcome, seconds):
                self._places.works(session)
                self.metrics.connections.connects.add(outcome)
                self.metrics.connections.connect_seconds.observe(seconds)
            case Limited(what):
                self.metrics.connections.limited.add(what)
            case RouterDrains(link):
                log.info("router_drains", link=link)
            case UnexpectedFrame(link, kind):
                log.warning("unexpected_frame", link=link, frame=kind)
            case DrainAsked(reason):
                log.warning("asked_to_drain", reason=reason)
                self._asked_to_drain.set()

    def _to_router(self, effect: ToRouter) -> None:
        if effect.request.HasField("acks"):
            self.metrics.connections.acks.value += len(effect.request.acks.acks)
        self._links.send(effect.link, effect.request)

    # Time

    def _now(self) -> float:
        assert self._loop is not None, "not entered"
        return self._loop.time()

    def _deadline(self, number: int, seconds: float) -> None:
        self._deadlines.schedule(number, self._now() + seconds)
        self._set_alarm()

    def _set_alarm(self) -> None:
        """Wake up at the earliest deadline; one loop handle serves the whole edge."""
        at, other = self._hub.next_at, self._deadlines.next_at
        if at is None or (other is not None and other < at):
            at = other
        if at is None or self._wake_at <= at:  # waking up for nothing does no harm
            return
        if self._wake:
            self._wake.cancel()
        self._wake_at = at
        assert self._loop is not None, "not entered"
        self._wake = self._loop.call_at(at, self._alarm)

    def _alarm(self) -> None:
        self._wake, self._wake_at = None, inf
        now = self._now()
        for number in self._deadlines.due(now):
            if connection := self._connections.get(number):
                connection.abort()
        self._run(self._hub.due(now))
