"""The console, put together: an ASGI app, and the look at the routers that runs beside it."""

from __future__ import annotations

import asyncio
import math
import os
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from kull_console import page
from kull_console.access import oidc_flow
from kull_console.access.cookies import Cookie
from kull_console.access.oidc import Provider
from kull_console.access.operators import Operators
from kull_console.access.sessions import Sessions
from kull_console.api import actions, live, looks, oidc, sign_in
from kull_console.api.counting import Counting
from kull_console.api.gate import Gate
from kull_console.api.same_site import SameSite, told
from kull_console.errors import (
    ConsoleConfigError,
    ConsoleError,
    OutcomeUnknown,
    Problem,
    RouterAway,
)
from kull_console.measures import ConsoleMeasures
from kull_console.mesh.routers import OpenChannel, Routers
from kull_console.mesh.watch import Watch
from kull_console.settings import ConsoleSettings
from kull_protos.common.client_address import parse_networks

log = structlog.get_logger(__name__)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


class Console:
    """`app` serves it while `run` runs.

    Args:
        settings: the console's.
        operators: whose keys count.
        targets: host:port of each router.
        open_channel: opens a channel to one.
        files: folder of the built page; None: there is none.
        clock: seconds, that only grow.
        wall_ms: milliseconds since the Unix epoch.
        randomness: returns that many random bytes.

    Raises ConsoleConfigError.
    """

    def __init__(
        self,
        settings: ConsoleSettings,
        *,
        operators: Operators,
        targets: list[str],
        open_channel: OpenChannel,
        files: Path | None,
        clock: Callable[[], float] = time.monotonic,
        wall_ms: Callable[[], int] = _wall_ms,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        cookie = Cookie(settings.secure)
        sessions = Sessions(
            clock=clock,
            randomness=randomness,
            longest=settings.console_session,
            idle=settings.console_idle,
        )
        self.measures = ConsoleMeasures(listeners=lambda: len(viewers))
        self._routers = Routers(targets, open_channel, measures=self.measures, clock=clock)
        self.watch = Watch(self._routers, clock=clock, wall_ms=wall_ms)
        gate = Gate(sessions, operators, cookie)
        viewers = live.Viewers(self.watch)
        acts = actions.Actions(
            self._routers, new_id=lambda: randomness(16).hex(), counted=self.measures.actions
        )
        doors = sign_in.Doors(
            sessions=sessions,
            gate=gate,
            cookie=cookie,
            actions=acts,
            clock=clock,
            longest=settings.console_session,
            proxies=parse_networks(settings.console_trusted_proxies),
            counted=self.measures.sign_ins,
        )
        self.app = FastAPI(
            title="Kull Sync console", docs_url=None, redoc_url=None, openapi_url=None
        )
        self.app.add_middleware(SameSite, origin=settings.console_url)
        self.app.add_middleware(Counting, measures=self.measures)
        _answer_errors(self.app)
        sign_in.add(self.app, doors, gate, operators, oidc=bool(settings.oidc_issuer))
        if settings.oidc_issuer:
            journeys = oidc_flow.Journeys(clock=clock, randomness=randomness)
            _add_oidc(self.app, doors, journeys, settings)
        self._add_pages(gate, viewers, acts, files)

    def _add_pages(
        self, gate: Gate, viewers: live.Viewers, acts: actions.Actions, files: Path | None
    ) -> None:
        """Add what operators see and do."""
        live.add(self.app, viewers, gate)
        looks.add(self.app, looks.Looks(self._routers), gate)
        actions.add(self.app, acts, gate)
        page.add(self.app, files)

    async def run(self) -> None:
        """Look at the routers until cancelled, then close the channels to them."""
        async with self._routers:
            life = asyncio.create_task(self.watch.run(), name="console-watch")
            try:
                await life
            finally:
                life.cancel()
                await asyncio.wait({life})


def _add_oidc(
    app: FastAPI, doors: sign_in.Doors, journeys: oidc_flow.Journeys, settings: ConsoleSettings
) -> None:
    rights = oidc_flow.Rights(
        claim=settings.oidc_claim, read=settings.oidc_read, act=settings.oidc_act
    )
    provider = _provider(settings)
    oidc.add(
        app, doors, provider=provider, journeys=journeys, rights=rights, secure=settings.secure
    )


def _provider(settings: ConsoleSettings) -> Provider:
    if not (settings.oidc_client_id and settings.console_url):
        raise ConsoleConfigError("set KULL_OIDC_CLIENT_ID and KULL_CONSOLE_URL beside the issuer")
    if not (settings.oidc_read or settings.oidc_act):
        raise ConsoleConfigError("set KULL_OIDC_READ or KULL_OIDC_ACT: nobody could sign in")
    secret = settings.oidc_client_secret
    return Provider(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=secret.get_secret_value() if secret else "",
        back_to=f"{settings.console_url}{oidc.BACK}",
    )


def _answer_errors(app: FastAPI) -> None:
    """Let an app answer every error as a problem (RFC 9457) that says what to do."""

    @app.exception_handler(Problem)
    async def _problem(_: Request, error: Problem) -> JSONResponse:
        retry = {"Retry-After": str(math.ceil(error.wait))} if error.wait else None
        return told(error.status, str(error), retry)

    @app.exception_handler(RouterAway)
    async def _away(_: Request, error: RouterAway) -> JSONResponse:
        return told(HTTPStatus.SERVICE_UNAVAILABLE, str(error), {"Retry-After": "2"})

    @app.exception_handler(OutcomeUnknown)
    async def _unknown(_: Request, error: OutcomeUnknown) -> JSONResponse:
        # Without Retry-After: that is for people to say.
        return told(HTTPStatus.GATEWAY_TIMEOUT, str(error))

    @app.exception_handler(ConsoleError)
    async def _refused(_: Request, error: ConsoleError) -> JSONResponse:
        return told(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))

    @app.exception_handler(RequestValidationError)
    async def _unreadable(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]  # its input is not told: it may be a key
        where = ".".join(map(str, first["loc"][1:]))
        return told(HTTPStatus.UNPROCESSABLE_ENTITY, f"{where or 'the body'}: {first['msg']}")

    @app.exception_handler(Exception)
    async def _fault(_: Request, _error: Exception) -> JSONResponse:
        # Logged with its traceback by the server, to which it is raised again.
        return told(HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of the console: please report it")
