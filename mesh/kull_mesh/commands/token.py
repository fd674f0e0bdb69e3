"""`kull token` and `kull service-token`."""

from __future__ import annotations

from typing import Annotated

import typer

import kull_gateway
from kull_gateway.auth import SCOPES, scopes_of
from kull_mesh import durations, secrets
from kull_mesh.errors import MeshError
from kull_mesh.settings import MeshSettings
from kull_producers.events import address
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
        list[str] | None, typer.Option(help="A room that it may join; may be repeated.")
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
    for name_ in room or ():
        address.room(name_)
    signed = secrets.device_token(
        secrets.load(MeshSettings()),
        user=user,
        device=device,
        ttl=durations.seconds(ttl),
        name=name,
        platform=platform,
        rooms=room or (),
        rights=None if manages_devices else (),
    )
    typer.echo(signed)


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
