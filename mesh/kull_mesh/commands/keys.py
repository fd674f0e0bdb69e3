"""`kull keys`: credentials of services that call the HTTP triggers, and of operators."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

import kull_gateway.keys
from kull_gateway.auth import scopes_of
from kull_mesh import durations
from kull_mesh.commands.token import Scopes
from kull_mesh.errors import MeshError
from kull_mesh.settings import MeshSettings

app = typer.Typer(help="Keys for the HTTP triggers and the console.", no_args_is_help=True)

File = Annotated[
    Path | None,
    typer.Option(
        envvar="KULL_SERVICE_KEYS",
        show_default="KULL_HOME/service-keys.json",
        help="The file that a gateway or console reads; it notices changes by itself.",
    ),
]


@app.command()
def add(
    service: Annotated[str, typer.Argument(help="Who uses the key, for example billing.")],
    scope: Scopes = None,
    ttl: Annotated[
        str, typer.Option(help="How long it is valid: 12h, 90d.", show_default="until revoked")
    ] = "",
    file: File = None,
) -> None:
    """Make a key and print it, this once: the file keeps only its hash."""
    lifetime = durations.seconds(ttl) if ttl else None
    path, events = _path(file), MeshSettings().events
    try:
        key = kull_gateway.keys.add(
            path,
            service=service,
            scopes=scope or events.scopes,
            known=scopes_of(events),
            ttl=lifetime,
        )
    except ValueError as error:
        raise MeshError(str(error)) from error
    typer.echo(key)


@app.command("list")
def list_(file: File = None) -> None:
    """Show the keys: who has them, what they may do, until when."""
    table = Table(box=None, pad_edge=False)
    for column in ("id", "service", "scopes", "made", "valid until"):
        table.add_column(column)
    for key in kull_gateway.keys.read(_path(file)):
        table.add_row(
            key.id, key.service, " ".join(key.scopes), _day(key.created), _until(key.expires)
        )
    Console(highlight=False).print(table)


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="See `kull keys list`.")],
    file: File = None,
) -> None:
    """Take a key's rights away; running gateways follow within a second."""
    path = _path(file)
    try:
        key = kull_gateway.keys.revoke(path, key_id)
    except KeyError:
        raise MeshError(f"{path} holds no key {key_id!r}: see `kull keys list`") from None
    typer.echo(f"{key.id} of {key.service} is revoked")


def _path(file: Path | None) -> Path:
    return file or MeshSettings().keys_file


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def _until(seconds: int | None) -> str:
    if seconds is None:
        return "revoked"
    return _day(seconds) if seconds > time.time() else f"{_day(seconds)}, over"
