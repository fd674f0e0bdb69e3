"""The console beside its routers: whose keys count, how it reaches them, and its own port."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import grpc
import structlog

from kull_console import ACT, READ, Console, ConsoleSettings, NotValid, Operator, page
from kull_console.errors import ConsoleConfigError
from kull_edge.link.channels import RECONNECT, open_channel
from kull_gateway.auth import Unauthorized
from kull_gateway.http import HttpSide, HttpTimeouts
from kull_gateway.keys import KeyRing, ServiceKey
from kull_protos.common.hosts import authority, is_loopback
from kull_protos.common.places import PlaceLimits, Places
from kull_protos.serving import exposition, status_page
from kull_protos.serving.listener import Listener, bind
from kull_protos.serving.status_page import StatusPage

log = structlog.get_logger(__name__)

CONNECTIONS: Final = 512
GRACE: Final = 0.5  # seconds for answers to end; live ones do not
# A live page is one long answer; who looks on for longer connects again.
TIMEOUTS: Final = HttpTimeouts(answer=3600.0)


class KeyOperators:
    """`Operators` with keys of `kull keys` that have a scope of the console."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    @property
    def any(self) -> bool:
        """See `Operators.any`."""
        return any(map(_may_look, self._ring.keys().values()))

    def claimed(self, key: str) -> str:
        """See `Operators.claimed`."""
        return self._ring.claimed(key.strip())

    def by_key(self, key: str) -> Operator:
        """See `Operators.by_key`."""
        try:
            found = self._ring.find(key.strip())
        except Unauthorized as error:
            raise NotValid(str(error)) from None
        if not _may_look(found):
            raise NotValid(f"this key lacks the scope {READ}: get one that has it, or {ACT}")
        return _operator(found)

    def still(self, operator: Operator) -> bool:
        """See `Operators.still`."""
        found = self._ring.keys().get(operator.id.removeprefix("key:"))
        if found is None or self._ring.is_over(found) or not _may_look(found):
            return False
        return _operator(found) == operator


def _may_look(key: ServiceKey) -> bool:
    return not {READ, ACT}.isdisjoint(key.scopes)


def _operator(key: ServiceKey) -> Operator:
    return Operator(id=f"key:{key.id}", name=key.service, may_act=ACT in key.scopes)


def is_set_up(settings: ConsoleSettings, keys: Path) -> bool:
    """Return whether anybody could sign in. Raises KeyFileError."""
    return bool(settings.oidc_issuer) or KeyOperators(KeyRing(keys)).any


@asynccontextmanager
async def running(
    settings: ConsoleSettings,
    *,
    keys: Path,
    targets: list[str],
    credentials: grpc.ChannelCredentials | None = None,
) -> AsyncIterator[str]:
    """Serve the console while the body runs; yield its address.

    Args:
        settings: the console's.
        keys: the file of the keys.
        targets: host:port of each router.
        credentials: shown to them; None: no TLS.

    Raises ConsoleConfigError: nobody could sign in, or the port cannot be used.
    """
    if not is_set_up(settings, keys):
        raise ConsoleConfigError(
            f"nobody could sign in to the console: `kull keys add NAME --scope {ACT}` makes a key "
            "for it (or set KULL_OIDC_ISSUER)"
        )
    console = Console(
        settings,
        operators=KeyOperators(KeyRing(keys)),
        targets=targets,
        open_channel=lambda target: open_channel(target, credentials, RECONNECT),
        files=page.built(),
    )
    if not page.built():
        log.warning("console_without_page", hint="`make page` builds it")
    if not (settings.secure or is_loopback(settings.console_host)):
        log.warning("console_without_tls", hint="set KULL_CONSOLE_URL to its https address")
    async with _served(console, settings) as url, _metrics(console, settings):
        life = asyncio.create_task(console.run(), name="console")
        life.add_done_callback(_report_death)
        try:
            yield url
        finally:
            life.cancel()
            await asyncio.wait({life})


@asynccontextmanager
async def _metrics(console: Console, settings: ConsoleSettings) -> AsyncIterator[None]:
    if not settings.console_metrics_port:
        yield
        return
    registry = exposition.registry(lambda: [("", console.measures.all)])
    routes = status_page.metrics(lambda: exposition.text(registry), exposition.CONTENT_TYPE)
    host, port = settings.console_host, settings.console_metrics_port
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(StatusPage(host, port, routes))
        except OSError as error:
            raise ConsoleConfigError(
                f"cannot serve metrics on {host}:{port}: {error.strerror}. "
                "Set KULL_CONSOLE_METRICS_PORT to a free port"
            ) from error
        yield


@asynccontextmanager
async def _served(console: Console, settings: ConsoleSettings) -> AsyncIterator[str]:
    try:
        listening = bind(settings.console_host, settings.console_port)
    except OSError as error:
        raise ConsoleConfigError(
            f"cannot serve the console on {settings.console_host}:{settings.console_port}: "
            f"{os.strerror(error.errno or 0)}. Set KULL_CONSOLE_PORT to a free port"
        ) from error
    places = Places(PlaceLimits(total=CONNECTIONS, waiting=CONNECTIONS))
    http = HttpSide(console.app, places=places, timeouts=TIMEOUTS)
    listener = Listener(listening, http.protocol, shed=places.shed)
    listener.start()
    try:
        yield settings.console_url or f"http://{authority(*listener.address)}"
    finally:
        listener.close()
        await http.aclose(GRACE)


async def serve(
    settings: ConsoleSettings,
    *,
    keys: Path,
    targets: list[str],
    credentials: grpc.ChannelCredentials | None,
    ready: Callable[[str], None],
) -> None:
    """Serve the console until cancelled; `ready` gets the page's address. Raises like `running`."""
    async with running(settings, keys=keys, targets=targets, credentials=credentials) as url:
        ready(f"{url}/console")
        await asyncio.get_running_loop().create_future()


def _report_death(life: asyncio.Task[None]) -> None:
    if not life.cancelled():
        log.critical("console_died", exc_info=life.exception())
