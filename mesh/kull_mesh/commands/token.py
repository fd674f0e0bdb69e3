"""`kull token` and `kull service-token`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

import kull_gateway
from kull_gateway.auth import SCOPES, scopes_of
from kull_mesh import durations, secrets
from kull_mesh.errors import MeshError
from kull_mesh.settings import MeshSettings
from kull_producers.events import address
from kull_protos.contract.device_tokens import LISTED_ROOM_RIGHTS, ROOM_READ, ROOM_RIGHTS
from kull_router.access.tokens import check_device_id

Scopes = Annotated[
    list[str] | None,
    typer.Option(
        help=f"{', '.join(SCOPES)}, and those of KULL_EVENTS_MODULES; may be repeated.",
        show_default="those of events",
    ),
]


def token(
    user: Annotated[str, typer.Option(help="User id.")],
    device: Annotated[
        str, typer.Option(help="Stable device id; without it the device is a browser tab.")
    ] = "",
    ttl: Annotated[str, typer.Option(help="How long it is valid: 30s, 15m, 1h, 7d.")] = "1h",
    name: Annotated[str, typer.Option(help="Name that the user's other devices see.")] = "",
    platform: Annotated[str, typer.Option(help="For example ios, macos, web.")] = "",
    room: Annotated[
        list[str] | None,
        typer.Option(
            help="A room that it may join and whose members it sees, or NAME=read,write,presence; "
            "may be repeated."
        ),
    ] = None,
    contact: Annotated[
        list[str] | None,
        typer.Option(help="A user whose status it may watch; may be repeated."),
    ] = None,
    manages_devices: Annotated[
        bool,
        typer.Option(
            "--manage-devices/--no-manage-devices",
            help="Whether it may sign out the user's devices.",
        ),
    ] = True,
) -> None:
    """Print a device token, signed with KULL_TOKEN_SIGNING_KEY, KULL_TOKEN_SECRET, or, in
    development, a secret of this machine.
    """
    address.user(user)
    check_device_id(device)
    rooms = _rooms(room or ())
    signed = secrets.device_token(
        secrets.load(MeshSettings()),
        user=user,
        device=device,
        ttl=durations.seconds(ttl),
        name=name,
        platform=platform,
        rooms=rooms,
        contacts=contact or (),
        rights=None if manages_devices else (),
    )
    typer.echo(signed)


def _rooms(options: Sequence[str]) -> dict[str, list[str]]:
    rooms = {}
    for option in options:
        name, equals, rights = option.rpartition("=")
        if not equals:
            name, rights = option, ",".join(sorted(LISTED_ROOM_RIGHTS))
        address.room(name)
        rooms[name] = [each.strip() for each in rights.split(",")]
        unknown = sorted(set(rooms[name]) - ROOM_RIGHTS)
        if unknown or ROOM_READ not in rooms[name]:
            raise MeshError(
                f"--room {option}: the rights are {', '.join(sorted(ROOM_RIGHTS))}, "
                f"and {ROOM_READ} is always among them"
            )
    return rooms


def service_token(
    name: Annotated[
        str, typer.Option(help="The service's name; idempotency keys are its own.")
    ] = "service",
    scope: Scopes = None,
    ttl: Annotated[str, typer.Option(help="How long it is valid: 30s, 15m, 1h, 7d.")] = "1h",
) -> None:
    """Print a token for the HTTP triggers, signed with KULL_SERVICE_SECRET or a development key."""
    settings = MeshSettings()
    scopes, known = tuple(scope or settings.events.scopes), scopes_of(settings.events)
    unknown = sorted(set(scopes) - set(known))
    if unknown:
        raise MeshError(f"there is no scope {unknown[0]!r}; there are {', '.join(known)}")
    key = secrets.load(settings).service
    lifetime = durations.seconds(ttl)
    typer.echo(kull_gateway.service_token(key, service=name, scopes=scopes, ttl=lifetime))
