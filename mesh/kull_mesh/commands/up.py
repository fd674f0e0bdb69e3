"""`kull up`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import structlog
import typer
from rich.console import Console

from kull_mesh import log as logs
from kull_mesh import secrets
from kull_mesh.settings import MeshSettings
from kull_mesh.signals import until_stopped
from kull_mesh.up import LocalMesh, UpOptions

log = structlog.get_logger(__name__)


def up(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of /ws and HTTP; edge N takes port + N - 1.")
    ] = 5000,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    data: Annotated[
        Path | None, typer.Option(help="Folder of the SQLite store.  [default: KULL_HOME/data]")
    ] = None,
    edges: Annotated[int, typer.Option(min=1, max=16, help="How many edges to run.")] = 1,
    amqp_url: Annotated[
        str | None,
        typer.Option(
            envvar="KULL_AMQP_URL",
            show_envvar=True,
            help="RabbitMQ; without it the broker is in memory.",
        ),
    ] = None,
    allow_plain_tokens: Annotated[
        bool,
        typer.Option(
            envvar="KULL_ALLOW_PLAIN_TOKENS",
            help="Accept 'userId' and 'userId:deviceId' as tokens. Demos only!",
        ),
    ] = False,
) -> None:
    """Run the whole mesh in this process: router, edges and HTTP on one port."""
    settings = MeshSettings()
    logs.configure(settings)
    options = UpOptions(
        keys=secrets.load(settings),
        data=data or settings.home / "data",
        host=host,
        port=port,
        edges=edges,
        amqp_url=amqp_url or None,
        allow_plain_tokens=allow_plain_tokens,
    )
    warn(options)
    asyncio.run(run(options))


def warn(options: UpOptions) -> None:
    """Say what this set-up does not promise."""
    if options.keys.made_in:
        log.info("development_secret", file=str(options.keys.made_in), set="KULL_TOKEN_SECRET")
    if options.amqp_url is None:
        log.warning("in-memory broker: events that are not yet stored die with this process")
    if options.allow_plain_tokens:
        log.warning("PLAIN TOKENS ARE ALLOWED: anyone may connect as any user")


async def run(options: UpOptions) -> None:
    """Run until SIGTERM or SIGINT, or until a part dies."""
    async with LocalMesh(options) as mesh:
        addresses = [*(edge.url for edge in mesh.edges), mesh.http_url]
        Console(soft_wrap=True, highlight=False).print("kull is ready:", "  ".join(addresses))
        await until_stopped(mesh.parts())
