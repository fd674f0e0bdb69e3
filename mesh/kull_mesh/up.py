"""All roles in one process: `kull up`, and the demo."""

from __future__ import annotations

import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import structlog

from kull_edge.errors import CannotListen
from kull_edge.link.channels import Channels
from kull_edge.node import Edge
from kull_edge.settings import EdgeSettings
from kull_gateway import (
    Buckets,
    Origins,
    Status,
    create_app,
    key_auth,
    open_auth,
    service_auth,
)
from kull_gateway.auth import Authorize
from kull_gateway.http import HttpSide
from kull_gateway.metrics import GatewayMetrics
from kull_gateway.settings import DEFAULT_BURST, DEFAULT_RATE, DEFAULT_TIMEOUT, HttpSettings
from kull_mesh import __version__, secrets, up_metrics
from kull_mesh.device_calls import RouterSignOut
from kull_mesh.errors import MeshError
from kull_mesh.play import page
from kull_mesh.presence_calls import RouterPresence
from kull_mesh.readiness import until
from kull_mesh.secrets import Keys
from kull_mesh.up_metrics import UpMetrics
from kull_producers import Publisher
from kull_producers.events.catalogue import Catalogue
from kull_producers.events.models import EVENTS
from kull_producers.publishing.rabbitmq import RabbitTransport
from kull_producers.publishing.transport import Transport
from kull_protos.common.hosts import authority, is_loopback
from kull_protos.common.places import Places
from kull_protos.common.tracing import Tracer
from kull_protos.serving.traces import traces
from kull_protos.settings import TracesSettings
from kull_router.broker.memory import MemoryBroker
from kull_router.broker.port import Broker
from kull_router.broker.rabbitmq import RabbitBroker
from kull_router.errors import StoreLocked
from kull_router.measures.router import RouterMeasures
from kull_router.measures.store import StoreMeasures
from kull_router.node import Router
from kull_router.queues.database import Database
from kull_router.queues.sql.location import open_store
from kull_router.settings import RouterSettings

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpOptions:
    """What `kull up` is told.

    Attributes:
        port: of the first edge and HTTP; further edges take the next ones. 0: any free ports.
        data: folder of the SQLite store.
        amqp_url: RabbitMQ; None: the in-memory broker.
        service_keys: file of the service keys; None: service tokens only.
        origins: web pages that may connect and call, besides our own.
        allow_plain_tokens: ids do as tokens, and the HTTP triggers ask for none.
        events: the types of events that there are.
    """

    keys: Keys
    data: Path
    host: str = "127.0.0.1"
    port: int = 5000
    edges: int = 1
    amqp_url: str | None = field(default=None, repr=False)
    service_keys: Path | None = None
    origins: frozenset[str] = frozenset()
    allow_plain_tokens: bool = False
    events: Catalogue = field(default_factory=lambda: EVENTS)  # it never changes

    def authorize(self) -> Authorize:
        """Return what verifies the callers of the HTTP triggers. Raises KeyFileError."""
        tokens = service_auth(self.keys.service)
        checked = key_auth(self.service_keys, tokens=tokens) if self.service_keys else tokens
        return open_auth(checked, self.events) if self.allow_plain_tokens else checked

    def pages(self) -> Origins:
        """Return which web pages may call."""
        return Origins(
            allowed=self.origins,
            local=is_loopback(self.host),
            literal=self.allow_plain_tokens,
        )


class LocalMesh:
    """`async with LocalMesh(options) as mesh:` is a running mesh, ready to serve."""

    def __init__(self, options: UpOptions) -> None:
        self._options = options
        self._stack = AsyncExitStack()
        self._ready = False
        self.edges: list[Edge] = []

    @property
    def ready(self) -> bool:
        """Whether events flow from publishers to devices."""
        return self._ready and self.router.ready and all(edge.ready for edge in self.edges)

    @property
    def http_url(self) -> str:
        """Where the HTTP side is served."""
        return f"http://{authority(self._options.host, self.edges[0].port)}"

    async def wait(self) -> None:
        """Wait until a part dies by itself, and raise what it died of."""
        parts = [asyncio.create_task(self.router.wait(), name="router")]
        for number, edge in enumerate(self.edges):
            parts.append(asyncio.create_task(edge.wait(), name=f"edge-{number + 1}"))
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            for part in done:
                part.result()
        finally:
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)

    async def __aenter__(self) -> LocalMesh:
        """Start broker, router, edges and publisher, in this order, and wait until all is ready."""
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def _start(self) -> None:
        broker, transport = self._broker()
        to = TracesSettings()
        tracer = await self._stack.enter_async_context(
            traces(to.traces_url, role="kull-up", node=self._options.host, ratio=to.traces_ratio)
        )
        self.router = await self._start_router(broker, tracer)
        self.publisher = Publisher(
            transport,
            shard_count=self._shard_count,
            app_id="kull-up",
            timeout=DEFAULT_TIMEOUT,
            tracer=tracer,
        )
        channels = await self._stack.enter_async_context(Channels(None))
        counted = GatewayMetrics(self.publisher)
        metrics = UpMetrics(counted)
        authorize = self._options.authorize()
        app = create_app(
            self.publisher,
            authorize=authorize,
            events=self._options.events,
            status=self._status,
            minter=secrets.minter(self._options.keys),
            sign_out=RouterSignOut([self.router.grpc_address], channels),
            presence=RouterPresence([self.router.grpc_address], channels),
            origins=self._options.pages(),
            buckets=Buckets(rate=DEFAULT_RATE, burst=DEFAULT_BURST),
            attempts=HttpSettings().attempts(),
            metrics=counted,
        )
        up_metrics.add(app, metrics, authorize)
        files = page.built()
        if files is not None:
            page.add(app, files)
        # Of all that is on our ports, be it a WebSocket or HTTP.
        self._places = Places(EdgeSettings().place_limits, told=metrics.cut.add)
        metrics.of(self.router, self.edges, self._places)
        http = HttpSide(app, places=self._places, timeouts=HttpSettings().timeouts())
        self._stack.push_async_callback(http.aclose)
        for number in range(self._options.edges):
            self.edges.append(await self._start_edge(number, http, tracer))
        await self._until_linked()
        await self._stack.enter_async_context(self.publisher)
        self._ready = True

    async def _status(self) -> Status:
        sessions = sum(edge.session_count for edge in self.edges)
        return Status(
            ready=self.ready,
            details={
                "version": __version__,
                "broker": "connected" if self.router.core.broker.connected else "away",
                "routers": 1,
                "edges": len(self.edges),
                "sessions": sessions,
            },
        )

    def _broker(self) -> tuple[Broker, Transport]:
        url = self._options.amqp_url
        if url is None:
            memory = MemoryBroker()
            return memory, memory.transport()
        return RabbitBroker(url), RabbitTransport(url)

    async def _start_router(self, broker: Broker, tracer: Tracer) -> Router:
        settings = RouterSettings(
            event_types=",".join({*RouterSettings().types, *self._options.events}),
            grpc_host="127.0.0.1",
            grpc_port=0,
            tls_ca=None,  # this process talks to itself: the operator's certificate is not for it
            tls_cert=None,
            tls_key=None,
            data=self._options.data,
            database_url=None,  # one process, one file
            token_secret=self._options.keys.device,
            allow_plain_tokens=self._options.allow_plain_tokens,
        )
        self._shard_count = settings.shard_count
        measures = RouterMeasures()
        store = await self._open_store(settings, measures.store)
        router = Router(settings, broker=broker, store=store, tracer=tracer, measures=measures)
        return await self._stack.enter_async_context(router)

    async def _open_store(self, settings: RouterSettings, measures: StoreMeasures) -> Database:
        try:
            settings.data.mkdir(parents=True, exist_ok=True)
            return await open_store(settings, measures)
        except StoreLocked as error:
            raise MeshError(
                f"{settings.data} is in use by another `kull up`: stop that one first, "
                "or choose another folder with --data"
            ) from error
        except OSError as error:
            raise MeshError(
                f"cannot keep data in {settings.data}: {error.strerror}; "
                "choose another folder with --data"
            ) from error

    async def _start_edge(self, number: int, http: HttpSide, tracer: Tracer) -> Edge:
        port = self._options.port
        settings = EdgeSettings(
            host=self._options.host,
            port=port + number if port else 0,
            routers=self.router.grpc_address,
            tls_ca=None,
            tls_cert=None,
            tls_key=None,
            node_id=f"edge-{number + 1}",
            allow_plain_tokens=self._options.allow_plain_tokens,
            origins=",".join(sorted(self._options.origins)),
        )
        edge = Edge(settings, http_fallback=http.protocol, places=self._places, tracer=tracer)
        try:
            return await self._stack.enter_async_context(edge)
        except CannotListen as error:
            code = getattr(error.__cause__, "errno", None)
            why = os.strerror(code) if code else str(error)
            raise MeshError(
                f"cannot listen on {settings.host}:{settings.port}: {why}; "
                "choose another port with --port"
            ) from error

    async def _until_linked(self) -> None:
        """Wait until shards are owned and edges linked; RabbitMQ may take its time to appear."""
        await until(
            lambda: self.router.ready and all(edge.ready for edge in self.edges), self.wait()
        )

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop in the reverse order: publisher, edges, HTTP, router with its broker and store."""
        self._ready = False
        await self._stack.aclose()
