"""`kull up`."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import structlog
import typer
from rich.console import Console

import kull_mesh.console
from kull_console import ConsoleSettings
from kull_gateway.origins import parse
from kull_mesh import routers, secrets, signals
from kull_mesh.settings import MeshSettings
from kull_mesh.up import LocalMesh, UpOptions

log = structlog.get_logger(__name__)


def up(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of /ws and HTTP; edge N takes port + N - 1.")
    ] = 5000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    data: Annotated[
        Path | None,
        typer.Option(show_default="KULL_HOME/data", help="Folder of the SQLite store."),
    ] = None,
    edges: Annotated[int, typer.Option(min=1, max=16, help="How many edges to run.")] = 1,
    amqp_url: Annotated[
        str | None,
        typer.Option(
            envvar="KULL_AMQP_URL",
            help="RabbitMQ; without it the broker is in memory.",
        ),
    ] = None,
    allow_plain_tokens: Annotated[
        bool,
        typer.Option(
            "--allow-plain-tokens",
            envvar="KULL_ALLOW_PLAIN_TOKENS",
            help="Accept 'userId' and 'userId:deviceId' as tokens. Demos only!",
        ),
    ] = False,
) -> None:
    """Run the whole mesh in this process: router, edges and HTTP on one port."""
    settings = MeshSettings()
    options = UpOptions(
        keys=secrets.load(settings),
        data=data or settings.home / "data",
        service_keys=settings.keys_file,
        origins=parse(settings.origins),
        host=host,
        port=port,
        edges=edges,
        amqp_url=amqp_url or None,
        allow_plain_tokens=allow_plain_tokens,
        events=settings.events,
    )
    warn(options)
    signals.run_role(run(options))


def warn(options: UpOptions) -> None:
    """Say what this set-up does not promise."""
    if options.keys.made_in:
        log.warning(
            "development_secret",
            why="it signs the tokens: set KULL_TOKEN_SECRET for anything else",
            file=str(options.keys.made_in),
        )
    if options.amqp_url is None:
        log.warning("broker_in_memory", why="events that are not yet stored die with this process")
    if options.allow_plain_tokens:
        log.warning("plain_tokens_allowed", why="anyone may connect as any user, and trigger")


async def run(options: UpOptions) -> None:
    """Run until cancelled, or until a part dies."""
    say = Console(soft_wrap=True, highlight=False).print
    async with LocalMesh(options) as mesh, AsyncExitStack() as stack:
        stack.enter_context(routers.embedded(mesh.router.grpc_address))
        if url := await _console(stack, options, mesh):
            say("The console:", url)
        addresses = [*(edge.url for edge in mesh.edges), mesh.http_url]  # and the page
        say("kull is ready:", "  ".join(addresses))
        await mesh.wait()


async def _console(stack: AsyncExitStack, options: UpOptions, mesh: LocalMesh) -> str:
    """Serve the console if somebody could sign in; return the address of its page."""
    settings = ConsoleSettings()
    keys = options.service_keys
    if keys is None or not kull_mesh.console.is_set_up(settings, keys):
        return ""
    running = kull_mesh.console.running(settings, keys=keys, targets=[mesh.router.grpc_address])
    return f"{await stack.enter_async_context(running)}/console"
