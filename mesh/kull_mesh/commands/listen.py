"""`kull listen`."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console

from kull_client import Event, State, SyncClient
from kull_mesh import signals
from kull_mesh.output import print_event
from kull_mesh.terminal import json_line, shown

PRESENCE = {"DEVICE_CONNECTED", "DEVICE_DISCONNECTED"}


def listen(
    token: Annotated[
        str, typer.Option(envvar="KULL_TOKEN", help="Device token, see `kull token`.")
    ],
    url: Annotated[str, typer.Option(help="An edge.")] = "ws://127.0.0.1:5000/ws",
    count: Annotated[int, typer.Option(min=0, help="Stop after so many events; 0: never.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
    presence: Annotated[
        bool, typer.Option("--presence", help="Print devices that come and go as well.")
    ] = False,
) -> None:
    """Connect as a device, print its events and acknowledge them; reconnects by itself."""
    listening = _listen(url, token, count=count, as_json=as_json, presence=presence)
    if told := asyncio.run(signals.until_signalled(listening)):
        raise typer.Exit(128 + told)


async def _listen(url: str, token: str, *, count: int, as_json: bool, presence: bool) -> None:
    console = Console(highlight=False)
    printed = 0
    async with SyncClient(url, token, max_attempts=None, on_state=Narrator()) as client:
        async for event in client:
            if event.type in PRESENCE and not presence:
                continue
            if as_json:
                typer.echo(json_line(as_dict(event)))
            else:
                print_event(console, event.type, event.data, event.timestamp)
            printed += 1
            if printed == count:
                return


def as_dict(event: Event) -> dict[str, Any]:
    """Return an event with the protocol's own field names."""
    fields: dict[str, Any] = {"seq": event.seq} if event.seq else {}
    if event.queue != "user":
        fields["queue"] = event.queue
    return fields | {
        "id": event.id,
        "type": event.type,
        "data": event.data,
        "timestamp": event.timestamp,
        "deviceId": event.device_id,
        "userId": event.user_id,
    }


class Narrator:
    """Tells on standard error what the connection is doing."""

    def __init__(self) -> None:
        self._stale = False

    def __call__(self, state: State) -> None:
        """Tell a new state."""
        was_stale, self._stale = self._stale, state.stale
        if state.name == "waiting":
            typer.echo(
                f"kull: {shown(state.reason)}; trying again in {state.delay:.1f} s", err=True
            )
        elif state.stale:
            since = datetime.fromtimestamp(state.stale_since / 1000, UTC).astimezone()
            typer.echo(f"kull: stale since {since:%X}: the edge has no router, wait", err=True)
        elif was_stale and state.name == "connected":
            typer.echo("kull: served again", err=True)
        elif sys.stderr.isatty():
            typer.echo(f"kull: {state.name}", err=True)
