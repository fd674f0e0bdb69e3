"""What an operator sees and does, through the routers' AdminService."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from kull_mesh.errors import MeshError
from kull_mesh.routers import DEADLINE, Routers, RoutersOrUp, UnknownNode, admin, beside, targets
from kull_mesh.terminal import shown
from kull_protos.mesh.v1.admin_pb2 import (
    DrainRequest,
    ListNodesRequest,
    ListNodesResponse,
    RevokeRequest,
)


def nodes(routers: RoutersOrUp = "") -> None:
    """Show the routers, the shards they own, and the edges attached to them."""
    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False)
    for column in ("node", "role", "version", "shards", "sessions", "RabbitMQ"):
        table.add_column(column)
    for target in beside(routers):
        with admin(target) as stub:
            answer: ListNodesResponse = stub.ListNodes(ListNodesRequest(), timeout=DEADLINE)
        router = answer.router
        shards = f"{len(router.owned)} of {router.shard_count}"
        broker = "connected" if router.broker_connected else "away"
        table.add_row(shown(router.router_id), "router", shown(router.version), shards, "", broker)
        for edge in answer.edges:
            row = (f"  {shown(edge.node_id)}", "edge", shown(edge.version), "", str(edge.sessions))
            table.add_row(*row, "")
    console.print(table)


def drain(
    node: Annotated[str, typer.Argument(help="An edge or a router, see `kull nodes`.")],
    reason: Annotated[str, typer.Option(help="For the node's log.")] = "",
    routers: Routers = "",
) -> None:
    """Make a node stop in order: an edge sends its devices elsewhere, each at its own time."""
    unknown = ""
    for target in targets(routers):
        try:
            with admin(target) as stub:
                request = DrainRequest(node_id=node, reason=reason)
                sessions = stub.Drain(request, timeout=DEADLINE).sessions
        except UnknownNode as error:
            unknown = str(error)
        else:
            typer.echo(f"{node} is stopping; {sessions} sessions move")
            return
    raise MeshError(unknown)


def revoke(
    user: Annotated[str, typer.Option(help="Whose tokens; with --device, of one device.")] = "",
    device: Annotated[str, typer.Option(help="Only this device of the user.")] = "",
    token_id: Annotated[str, typer.Option(help="Only the token with this `jti`.")] = "",
    issued_before: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"],
            help="Only those issued until then (UTC); without --user everybody's.",
            show_default="now",
        ),
    ] = None,
    routers: Routers = "",
) -> None:
    """Take device tokens back: their sessions close within a second, on all edges."""
    until = issued_before.replace(tzinfo=UTC) if issued_before else None
    request = RevokeRequest(
        user_id=user,
        device_id=device,
        token_id=token_id,
        issued_before=int(until.timestamp() * 1000) if until else 0,
    )
    problem = MeshError("no router is named: set KULL_EDGE_ROUTERS or --routers")
    for target in targets(routers):
        try:
            with admin(target) as stub:
                closed = stub.Revoke(request, timeout=DEADLINE).sessions
        except MeshError as error:
            problem = error  # any router will do: they share the store
        else:
            typer.echo(f"revoked; {closed} sessions closed at {target}, others follow")
            return
    raise problem
