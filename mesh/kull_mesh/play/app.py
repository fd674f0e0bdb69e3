"""What the demo page asks for: its files, tokens, the services' stand-ins, and the breaking."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final

from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field

from kull_mesh import secrets
from kull_mesh.play.business import PROMPTS, Business
from kull_mesh.play.mesh import PlayMesh

TOKEN_LIFE: Final = 300.0  # seconds; short, so that the page renews it while one looks
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


class CreditRequest(ForUser):
    """A purchase."""

    change: int = Field(50, ge=-1000, le=1000)


def create_app(mesh: PlayMesh, business: Business, pages: Path) -> FastAPI:
    """Return the ASGI app; `pages` is the folder of the built page."""
    app = FastAPI(title="Kull Sync's demo page", docs_url=None, redoc_url=None)
    _add_services(app, mesh, business)
    _add_breaking(app, mesh)
    _add_pages(app, pages)
    return app


def _add_services(app: FastAPI, mesh: PlayMesh, business: Business) -> None:
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
        )
        return {"token": made}

    @app.post("/api/play/shoots")
    async def shoots(wanted: ShootRequest) -> dict[str, str]:
        """Begin a shoot."""
        shoot_id = business.shoot(
            wanted.user, photos=wanted.photos, fails=wanted.fails, charge=wanted.charge
        )
        return {"shootId": shoot_id}

    @app.get("/api/play/titles")
    async def titles() -> dict[str, str]:
        """Tell how the shoots are called."""
        return business.titles

    @app.post("/api/play/credits")
    async def buy(wanted: CreditRequest) -> dict[str, int]:
        """Buy credits."""
        return {"balance": await business.book(wanted.user, wanted.change, "Credit purchase")}

    @app.get("/api/credits/balance")
    async def balance(user: str) -> dict[str, int]:
        """Tell the balance, as the billing service knows it."""
        return {"balance": business.balances[user]}

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


def _add_breaking(app: FastAPI, mesh: PlayMesh) -> None:
    @app.get("/api/play")
    async def state() -> dict[str, object]:
        """Tell where to connect, and what runs."""
        return {
            "edges": [
                {"name": edge.name, "url": edge.url, "alive": edge.alive} for edge in mesh.edges
            ],
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


def _add_pages(app: FastAPI, pages: Path) -> None:
    app.mount("/assets", StaticFiles(directory=pages / "assets"))

    @app.get("/{path:path}", include_in_schema=False)
    async def page(path: str) -> FileResponse:
        """Serve the page for each of its addresses; it decides itself what to show."""
        if path.startswith("api/"):
            raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no /{path}")
        return FileResponse(pages / "index.html", headers={"cache-control": "no-cache"})
