"""Health: for load balancers, for orchestrators, and for people."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.responses import JSONResponse

from kull_gateway import openapi, problems
from kull_producers.errors import KullError
from kull_producers.publishing.publisher import Publisher

READY_TIMEOUT: Final = 1.5  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What `GET /api/sync/status` and `/readyz` tell.

    Attributes:
        ready: whether events flow.
        details: shown beside it; nothing secret, the endpoint is public.
    """

    ready: bool
    details: Mapping[str, Any] = field(default_factory=dict)


AskStatus = Callable[[], Awaitable[Status]]
AskDetails = Callable[[], Awaitable[Mapping[str, Any]]]


async def publisher_status(publisher: Publisher) -> Status:
    """Return ready if RabbitMQ answers right now."""
    try:
        async with asyncio.timeout(READY_TIMEOUT):
            await publisher.check()
    except (KullError, TimeoutError):
        return Status(ready=False, details={"broker": "away"})
    return Status(ready=True, details={"broker": "connected"})


def add(app: FastAPI, status: AskStatus) -> None:
    """Add the health endpoints to an app."""
    unavailable = openapi.problems(HTTPStatus.SERVICE_UNAVAILABLE)

    @app.head("/api/sync/status", include_in_schema=False)
    @app.get(
        "/api/sync/status",
        responses={503: {"description": "Events do not flow; the body is the same"}},
    )
    async def sync_status() -> JSONResponse:
        """Tell whether events flow, and what there is. 503 if they do not."""
        now = await status()
        body = {"status": "ok" if now.ready else "unavailable", **now.details}
        code = HTTPStatus.OK if now.ready else HTTPStatus.SERVICE_UNAVAILABLE
        return JSONResponse(body, status_code=code)

    @app.head("/livez", include_in_schema=False)
    @app.get("/livez")
    async def livez() -> dict[str, str]:
        """Answer as long as the process runs."""
        return {"status": "ok"}

    @app.head("/readyz", include_in_schema=False)
    @app.get("/readyz", responses=unavailable)
    async def readyz() -> JSONResponse:
        """Answer 200 if events flow, else 503."""
        if (await status()).ready:
            return JSONResponse({"status": "ok"})
        return problems.problem(
            HTTPStatus.SERVICE_UNAVAILABLE, "events do not flow now: see the log"
        )
