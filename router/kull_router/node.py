"""A router process: the core with its sockets around it, started and stopped in order."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import TYPE_CHECKING

import grpc
import structlog

from kull_protos.common.hosts import authority
from kull_protos.common.tracing import NO_TRACER, Tracer
from kull_router.access.token_keys import KeyRing, Keys, UnusableKey, parse_file
from kull_router.access.tokens import TokenVerifier
from kull_router.broker.port import Broker
from kull_router.clock import Clock
from kull_router.core import RouterCore
from kull_router.errors import ConfigError
from kull_router.measures.router import RouterMeasures
from kull_router.metrics import RouterMetrics
from kull_router.queues.database import Database
from kull_router.rpc.certificates import ServerCertificates
from kull_router.rpc.server import GrpcServer
from kull_router.settings import RouterSettings

if TYPE_CHECKING:
    from kull_router.access.jwks import JwksKeys

log = structlog.get_logger(__name__)

_STREAM_GRACE = 1.0  # seconds for streams to end by themselves


class Router:
    """`async with Router(…) as router:` is a running router.

    It takes over the broker and the store it is given, and closes both at the end.
    """

    def __init__(
        self,
        settings: RouterSettings,
        *,
        broker: Broker,
        store: Database,
        clock: Clock | None = None,
        tracer: Tracer = NO_TRACER,
        measures: RouterMeasures | None = None,
    ) -> None:
        # The event loop's clock, without asking for the loop first: that is a system call.
        clock = clock or Clock(monotonic=time.monotonic)
        self._jwks = _jwks(settings, clock)
        self.core = RouterCore(
            settings,
            broker=broker,
            store=store,
            verifier=_verifier(settings, self._jwks),
            clock=clock,
            tracer=tracer,
            measures=measures,
        )
        self.metrics = RouterMetrics(self.core)
        self._settings = settings
        self._server = GrpcServer(self.core, _credentials(settings))
        self._life: asyncio.Task[None] | None = None
        self._port = 0

    @property
    def grpc_address(self) -> str:
        """Where edges attach, `host:port`."""
        return authority(self._settings.grpc_host, self._port)

    @property
    def ready(self) -> bool:
        """Whether RabbitMQ is connected and shards are owned."""
        return self.core.ready

    async def __aenter__(self) -> Router:
        """Listen, then start working. RabbitMQ may come later: the router waits for it."""
        try:
            self._port = await self._server.start(
                self._settings.grpc_host, self._settings.grpc_port
            )
        except ConfigError:
            await self.core.store.aclose()
            raise
        self._life = asyncio.create_task(self._run(), name="router")
        log.info("router_started", router=self._settings.router_id, grpc=self.grpc_address)
        return self

    async def _run(self) -> None:
        if self._jwks is None:
            await self.core.run()
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._jwks.run(), name="jwks")
            await self.core.run()

    async def wait(self) -> None:
        """Wait until an operator drains the router, or it dies; then raise what it died of."""
        if self._life is None:
            raise RuntimeError("the router is not running")
        drained = asyncio.create_task(self.core.drained.wait(), name="drained")
        try:
            await asyncio.wait({self._life, drained}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            drained.cancel()
        if self._life.done():
            self._life.result()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop in order: tell the edges, hand over the shards, write cursors, cut, close."""
        await self.core.aclose()
        if self._life:
            self._life.cancel()
            await asyncio.wait({self._life})
        await self._server.stop(_STREAM_GRACE)
        await self.core.broker.aclose()
        await self.core.store.aclose()
        log.info("router_stopped", router=self._settings.router_id)


def _credentials(settings: RouterSettings) -> grpc.ServerCredentials | None:
    """Return what makes edges and operators show a certificate; None: no TLS. ConfigError."""
    paths = (settings.tls_ca, settings.tls_cert, settings.tls_key)
    if not any(paths):
        if settings.grpc_host not in {"127.0.0.1", "::1", "localhost"}:
            log.warning("no_tls", why="keep the network between edges and this router private")
        return None
    given = [path for path in paths if path]
    if len(given) < len(paths):
        raise ConfigError("set KULL_TLS_CA, KULL_TLS_CERT and KULL_TLS_KEY, all three")
    return ServerCertificates(*given).credentials()


def _jwks(settings: RouterSettings, clock: Clock) -> JwksKeys | None:
    if not settings.token_jwks_url:
        return None
    if settings.token_keys is not None:
        raise ConfigError("set either KULL_TOKEN_KEYS or KULL_TOKEN_JWKS_URL, not both")
    if not settings.token_audience:
        raise ConfigError(
            "set KULL_TOKEN_AUDIENCE beside KULL_TOKEN_JWKS_URL: who signs there may sign tokens "
            "for other services too"
        )
    if settings.token_jwks_url.startswith("http://"):
        log.warning("jwks_without_tls", why="who alters it on the way can sign tokens")
    from kull_router.access.jwks import JwksKeys  # noqa: PLC0415 - few load an HTTP client

    return JwksKeys(settings.token_jwks_url, clock=clock)


def _verifier(settings: RouterSettings, jwks: JwksKeys | None) -> TokenVerifier:
    keys: Keys | None = jwks
    if settings.token_keys is not None:
        try:
            keys = KeyRing(parse_file(settings.token_keys.read_bytes()))
        except OSError as error:
            raise ConfigError(f"cannot read {settings.token_keys}: {error.strerror}") from error
        except UnusableKey as error:
            raise ConfigError(f"KULL_TOKEN_KEYS, {settings.token_keys}: {error}") from error
    return TokenVerifier(
        settings.token_secret.get_secret_value() if settings.token_secret else None,
        allow_plain=settings.allow_plain_tokens,
        keys=keys,
        audience=settings.token_audience,
        issuer=settings.token_issuer,
        max_ttl=settings.token_max_ttl,
    )
