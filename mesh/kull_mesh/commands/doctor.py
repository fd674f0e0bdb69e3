"""`kull doctor`: check a set-up, send a canary through it, and say what to do."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import asdict
from typing import Annotated, Any

import structlog
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.text import Text

from kull_mesh import signals
from kull_mesh.commands.config import problem
from kull_mesh.doctor.findings import Finding, Severity, exit_code
from kull_mesh.doctor.probe import Probe
from kull_mesh.doctor.run import Look, look
from kull_mesh.doctor.target import Role, Target, target_of
from kull_mesh.errors import MeshError
from kull_mesh.routers import RoutersOrUp
from kull_mesh.terminal import json_line, shown
from kull_protos.serving import exposition, status_page
from kull_protos.serving.status_page import StatusPage

log = structlog.get_logger(__name__)

_STYLES = {
    Severity.SKIPPED: "dim",
    Severity.FINE: "green",
    Severity.WARNING: "yellow",
    Severity.ERROR: "red",
}


Whose = Annotated[
    Role | None,
    typer.Option(help="Whose environment this is.", show_default="by its settings"),
]
Edges = Annotated[
    list[str] | None,
    typer.Option(
        help="WebSocket URL of an edge, may be repeated; the canary listens at the first.",
        show_default="that of this environment",
    ),
]
Http = Annotated[
    str, typer.Option("--http", help="A gateway, or `kull up`.", show_default="the same")
]
Api = Annotated[
    str,
    typer.Option(
        envvar="KULL_RABBITMQ_API",
        help="RabbitMQ's management, http://ADMINISTRATOR:PASSWORD@HOST:15672: reads rights, "
        "routes, alarms and its clock.",
        show_default=False,
    ),
]
Token = Annotated[
    str,
    typer.Option(
        envvar="KULL_DOCTOR_TOKEN",
        help="Device token of a user who exists for canaries.",
        show_default="one is signed",
    ),
]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Their port; 0: any free one.")]


def doctor(
    role: Whose = None,
    edge: Edges = None,
    http: Http = "",
    rabbitmq_api: Api = "",
    token: Token = "",
    canary: Annotated[bool, typer.Option(help="Send an event through all of it.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again and again, and serve metrics.")
    ] = False,
    every: Annotated[float, typer.Option(min=1, help="Seconds between looks of --watch.")] = 30.0,
    host: Annotated[str, typer.Option(help="Address of the metrics of --watch.")] = "127.0.0.1",
    port: Port = 9464,
    routers: RoutersOrUp = "",
) -> None:
    """Check settings, machine, TLS, RabbitMQ, store, nodes and clocks; then send a canary.

    Ends with 0 if all is fine, 1 with warnings, 2 with errors.
    """
    try:
        target = target_of(
            role=role,
            routers=routers,
            edges=edge or (),
            http=http,
            rabbitmq_api=rabbitmq_api,
        )
    except ValidationError as error:
        raise MeshError(problem(error)) from error
    if watch:
        signals.run_role(_watch(target, canary, token, every=every, host=host, port=port))
        return
    found = asyncio.run(look(target, canary=canary, token=token))
    if as_json:
        typer.echo(json_line(as_dict(found)))
    else:
        show(found.findings)
    if code := exit_code(found.findings):
        raise typer.Exit(code)


def show(findings: list[Finding]) -> None:
    """Print a line for each finding, and what to do below it."""
    console = Console(highlight=False)
    for each in findings:
        line = Text(f"{each.severity.label:<8}", style=_STYLES[each.severity])
        line.append(f"{each.check:<9} {shown(each.what)}", style="default")
        console.print(line, soft_wrap=True)
        if each.do:
            console.print(Text(f"{'':<18}{shown(each.do)}", style="dim"), soft_wrap=True)


def as_dict(found: Look) -> dict[str, Any]:
    """Return a look as JSON has it."""
    return {
        "status": exit_code(found.findings),
        "findings": [asdict(each) | {"severity": each.severity.label} for each in found.findings],
        "canary": None
        if found.flight is None
        else {
            "event": found.flight.event_id,
            "arrived": not found.flight.problem,
            "hops": {hop.name: hop.seconds for hop in found.flight.hops},
        },
    }


async def _watch(
    target: Target, canary: bool, token: str, *, every: float, host: str, port: int
) -> None:
    probe = Probe()
    routes = status_page.metrics(probe.exposition, exposition.CONTENT_TYPE)
    async with AsyncExitStack() as stack:
        page = await stack.enter_async_context(StatusPage(host, port, routes))
        log.info("doctor_watches", metrics=f"http://{host}:{page.port}/metrics", every=every)
        while True:
            began = time.monotonic()
            found = await look(target, canary=canary, token=token)
            probe.looked(found.findings, found.flight, time.time())
            for each in found.findings:
                if each.severity > Severity.FINE:
                    log.warning("doctor_found", check=each.check, what=each.what, do=each.do)
            await asyncio.sleep(max(0.0, every - (time.monotonic() - began)))
