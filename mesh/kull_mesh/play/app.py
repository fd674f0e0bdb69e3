"""What the demo page asks for: its files, tokens, the services' stand-ins, and the breaking.

The HTTP triggers are there as well, for workers and billing services that are processes.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field

import kull_gateway
from kull_edge.link.channels import Channels
from kull_mesh import secrets
from kull_mesh.device_calls import RouterSignOut
from kull_mesh.play import page
from kull_mesh.play.business import PROMPTS, Business
from kull_mesh.play.mesh import PlayMesh
from kull_mesh.play.purse import NotEnough
from kull_protos.contract.device_tokens import ROOM_PRESENCE, ROOM_READ, ROOM_WRITE

TOKEN_LIFE: Final = 300.0  # seconds; short, so that the page renews it while one looks
SHOOT: Final = "shoot:wedding"  # the room in which everybody may look at the same shoot
ROOM_RIGHTS: Final = (ROOM_READ, ROOM_WRITE, ROOM_PRESENCE)
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w .'-]+$")]


class ForUser(BaseModel):
    """Whom a request is for. The demo trusts its page: it listens on this machine only."""

    user: Name


class TokenRequest(ForUser):
    """Which device of the user it is for."""

    device: Name
    name: Name = "Web browser"
    platform: Name = "web"


class ShootRequest(ForUser):
    """A shoot of so many photographs."""

    photos: int = Field(40, ge=1, le=1000)
    fails: bool = False
    charge: bool = True
    pace: float | None = Field(None, gt=0, le=10)  # seconds per photograph


class CreditRequest(ForUser):
    """A purchase."""

    change: int = Field(50, ge=-1000, le=1000)


def create_app(
    mesh: PlayMesh,
    business: Business,
    files: Path | None,
    *,
    channels: Channels,
    seen: Callable[[], None] = lambda: None,
) -> FastAPI:
    """Return the ASGI app.

    Args:
        mesh: what the page connects to, and breaks.
        business: what it buys from and starts shoots at.
        files: folder of the built page; None: there is no page.
        channels: to the router; the caller's.
        seen: called when a page has been opened.
    """
    app = kull_gateway.create_app(
        mesh.publisher,
        authorize=kull_gateway.service_auth(mesh.keys.service),
        sign_out=RouterSignOut([mesh.router_address], channels),
        origins=kull_gateway.Origins(local=True),
    )
    _add_shoots(app, mesh, business)
    _add_shop(app, business)
    _add_breaking(app, mesh, seen)
    if files is not None:
        page.add(app, files, demo=True, edges=[edge.url for edge in mesh.edges])
    return app


def _add_shoots(app: FastAPI, mesh: PlayMesh, business: Business) -> None:
    @app.post("/api/play/token")
    async def token(wanted: TokenRequest) -> dict[str, str]:
        """Mint a device token, as the application's own server would after a log-in."""
        made = secrets.device_token(
            mesh.keys,
            user=wanted.user,
            device=wanted.device,
            ttl=TOKEN_LIFE,
            name=wanted.name,
            platform=wanted.platform,
            rooms={SHOOT: ROOM_RIGHTS},
        )
        return {"token": made}

    @app.post("/api/play/shoots")
    async def shoots(wanted: ShootRequest) -> dict[str, str]:
        """Begin a shoot."""
        shoot_id = business.shoot(
            wanted.user,
            photos=wanted.photos,
            fails=wanted.fails,
            charge=wanted.charge,
            pace=wanted.pace,
        )
        return {"shootId": shoot_id}

    @app.get("/api/play/titles")
    async def titles() -> dict[str, str]:
        """Tell how the shoots are called."""
        return business.titles


def _add_shop(app: FastAPI, business: Business) -> None:
    @app.post("/api/play/credits")
    async def buy(wanted: CreditRequest) -> dict[str, int]:
        """Buy credits."""
        try:
            return {"balance": await business.book(wanted.user, wanted.change, "Credit purchase")}
        except NotEnough as error:
            raise HTTPException(HTTPStatus.CONFLICT, str(error)) from None

    @app.get("/api/credits/balance")
    async def balance(user: str) -> dict[str, int]:
        """Tell the balance, as the billing service knows it."""
        return {"balance": business.balance(user)}

    @app.get("/api/prompts")
    async def prompts() -> list[dict[str, str | int]]:
        """List the marketplace."""
        return [
            {"id": prompt_id, "title": title, "votes": business.votes[prompt_id]}
            for prompt_id, title in PROMPTS.items()
        ]

    @app.post("/api/prompts/{prompt_id}/vote")
    async def vote(prompt_id: str) -> dict[str, int]:
        """Vote for a prompt."""
        if prompt_id not in business.votes:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no prompt {prompt_id!r}")
        return {"votes": await business.vote(prompt_id)}


def _add_breaking(app: FastAPI, mesh: PlayMesh, seen: Callable[[], None]) -> None:
    @app.get("/api/play")
    async def state() -> dict[str, object]:
        """Tell what runs."""
        seen()
        return {
            "edges": [{"name": edge.name, "alive": edge.alive} for edge in mesh.edges],
            "router": mesh.router_ready,
        }

    @app.post("/api/play/edges/{name}/kill", status_code=HTTPStatus.ACCEPTED)
    async def kill_edge(name: str) -> None:
        """Kill an edge; it comes back after some seconds."""
        try:
            mesh.kill_edge(name)
        except KeyError:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no edge {name!r}") from None

    @app.post("/api/play/router/restart", status_code=HTTPStatus.ACCEPTED)
    async def restart_router() -> None:
        """Stop the router; it comes back after some seconds."""
        mesh.restart_router()
