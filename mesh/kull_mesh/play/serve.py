"""Runs the demo page with its mesh and its services."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_urlsafe
from typing import Final

import uvicorn
from fastapi import FastAPI

import kull_gateway.keys
import kull_mesh.console
from kull_console import ACT, ConsoleSettings
from kull_console import page as console_page
from kull_console.errors import ConsoleConfigError
from kull_console.settings import PORT as CONSOLE_PORT
from kull_edge.link.channels import Channels
from kull_gateway.headers import WithHeaders
from kull_mesh.errors import MeshError
from kull_mesh.play import page
from kull_mesh.play.app import create_app
from kull_mesh.play.business import PACE, Business
from kull_mesh.play.mesh import PlayMesh
from kull_mesh.play.purse import Purse
from kull_mesh.secrets import Keys

HOST: Final = "127.0.0.1"  # the page is trusted: nobody else may reach it
PORT: Final = 5050


@dataclass(frozen=True, slots=True, kw_only=True)
class Playing:
    """What runs, and where the page and the HTTP triggers are.

    `console`: the address of its page, and a key for it; empty: it was not built.
    """

    mesh: PlayMesh
    business: Business
    url: str
    console: tuple[str, str] = ("", "")
    _server: asyncio.Task[None]
    _seen: asyncio.Event = field(default_factory=asyncio.Event)

    async def opened(self, within: float) -> None:
        """Wait until somebody looks at the page, at most `within` seconds."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._seen.wait(), within)

    async def wait(self) -> None:
        """Wait until cancelled; raises what the server dies of."""
        await asyncio.shield(self._server)


async def serve(*, port: int, ready: Callable[[Playing], None], pace: float = PACE) -> None:
    """Serve the page until cancelled; `ready` is told when it can be opened. Raises MeshError."""
    files = page.folder()
    with tempfile.TemporaryDirectory(prefix="kull-play-") as data:
        async with playing(Path(data), files=files, port=port, pace=pace) as play:
            ready(play)
            await play.wait()


@asynccontextmanager
async def playing(
    data: Path,
    *,
    files: Path | None,
    port: int | None = None,
    pace: float = PACE,
    purse: Purse | None = None,
) -> AsyncIterator[Playing]:
    """Run mesh, services and page while the body runs. Raises MeshError.

    Args:
        data: folder of the router's store.
        files: folder of the built page; None: HTTP triggers only.
        port: of both; None: PORT, or any if that is taken; 0: any.
        pace: seconds per photograph of a shoot that is begun on the page.
        purse: the balances.
    """
    keys = Keys(token_urlsafe(48), token_urlsafe(48))
    rng = random.Random()  # noqa: S311 - only what is a keeper
    seen = asyncio.Event()
    with _listen(port) as listener:
        async with (
            PlayMesh(keys=keys, data=data, host=HOST) as mesh,
            Business(mesh.publisher, rng=rng, pace=pace, purse=purse) as business,
            Channels(None) as channels,
            _served(
                create_app(mesh, business, files, channels=channels, seen=seen.set), listener
            ) as server,
            AsyncExitStack() as stack,
        ):
            yield Playing(
                mesh=mesh,
                business=business,
                url=f"http://{HOST}:{listener.getsockname()[1]}/",
                console=await _console(stack, data, mesh.router_address, any_port=port == 0),
                _server=server,
                _seen=seen,
            )


async def _console(
    stack: AsyncExitStack, data: Path, router: str, *, any_port: bool
) -> tuple[str, str]:
    """Serve the console, if its page was built; return where it is and a key for it."""
    if console_page.built() is None:
        return "", ""
    file = data / "console-keys.json"
    key = kull_gateway.keys.add(file, service="operator", scopes=[ACT])

    def running(port: int) -> AbstractAsyncContextManager[str]:
        settings = ConsoleSettings(
            console_host=HOST, console_port=port, console_url="", oidc_issuer=""
        )
        return kull_mesh.console.running(settings, keys=file, targets=[router])

    try:
        url = await stack.enter_async_context(running(0 if any_port else CONSOLE_PORT))
    except ConsoleConfigError:  # its port is taken
        url = await stack.enter_async_context(running(0))
    return f"{url}/console", key


@asynccontextmanager
async def _served(app: FastAPI, listener: socket.socket) -> AsyncIterator[asyncio.Task[None]]:
    config = uvicorn.Config(
        WithHeaders(app),
        http="h11",
        access_log=False,  # the page asks every second
        log_config=None,
        lifespan="off",
        server_header=False,
        date_header=False,  # WithHeaders says it
        timeout_graceful_shutdown=2,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve([listener]), name="page")
    try:
        yield task
    finally:
        server.should_exit = True
        await asyncio.wait({task})


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `kull_mesh.signals`."""
        yield


def _listen(port: int | None) -> socket.socket:
    try:
        return socket.create_server((HOST, PORT if port is None else port))
    except OSError as error:
        if port is None:
            return socket.create_server((HOST, 0))
        raise MeshError(
            f"cannot listen on {HOST}:{port}: {os.strerror(error.errno or 0)}; "
            "choose another port with --port"
        ) from error
