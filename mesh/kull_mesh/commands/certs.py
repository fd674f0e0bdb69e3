"""`kull certs`: certificates for mutual TLS between edges, routers and operators."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import kull_mesh.certs

app = typer.Typer(
    help="Certificates for mutual TLS inside the mesh (KULL_TLS_CA, _CERT, _KEY).",
    no_args_is_help=True,
)

Nodes = Annotated[list[str] | None, typer.Option(help="Name of a node; may be repeated.")]
Folder = Annotated[Path, typer.Option("--dir", help="Folder of the certificates and keys.")]


@app.command()
def ca(folder: Folder = Path("certs")) -> None:
    """Make a certificate authority. Keep its key away from the nodes."""
    made = kull_mesh.certs.make_authority(folder)
    typer.echo(f"{made.certificate} is for every node, {made.key} for nobody but you")


@app.command()
def issue(
    role: Annotated[kull_mesh.certs.Role, typer.Argument(help="What its owner may do.")],
    name: Annotated[str, typer.Argument(help="The node's name, KULL_EDGE_NODE_ID of an edge.")],
    host: Annotated[
        list[str] | None,
        typer.Option(help="Name or address under which a router is reached; may be repeated."),
    ] = None,
    folder: Folder = Path("certs"),
) -> None:
    """Issue a certificate, valid for a year."""
    made = kull_mesh.certs.issue(folder, role, name, hosts=host or ())
    typer.echo(f"{made.certificate} {made.key}")


@app.command()
def mesh(
    router: Nodes = None,
    edge: Nodes = None,
    operator: Nodes = None,
    viewer: Nodes = None,
    folder: Folder = Path("certs"),
) -> None:
    """Issue certificates to all nodes, each role in a folder of its own; for compose and the like.

    Makes an authority in the folder `authority` if there is none, and replaces what it issued
    before: running nodes take the new ones for new connections.
    """
    asked: dict[kull_mesh.certs.Role, list[str] | None] = {
        "router": router,
        "edge": edge,
        "operator": operator,
        "viewer": viewer,
    }
    nodes = {role: names for role, names in asked.items() if names}
    for made in kull_mesh.certs.make_mesh(folder, nodes):
        typer.echo(f"{made.certificate} {made.key}")
