"""The HTTP triggers: an event per POST, for callers that do not speak AMQP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from kull_producers.errors import InvalidEvent, KullError
from kull_producers.events import CreditUpdate, Event, PromptChange, ShootProgress
from kull_producers.gateway import auth, problems
from kull_producers.publisher import Publisher
from kull_producers.strict_json import parse_object

MAX_BODY: Final = 256 * 1024  # bytes; a thousand userIds fit
READY_TIMEOUT: Final = 3.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What `GET /api/sync/status` and `/readyz` tell.

    Attributes:
        ready: whether events flow.
        details: shown beside it; nothing secret, the endpoint is public.
    """

    ready: bool
    details: Mapping[str, str | int | float] = field(default_factory=dict)


async def publisher_status(publisher: Publisher) -> Status:
    """Return ready if RabbitMQ answers right now."""
    try:
        async with asyncio.timeout(READY_TIMEOUT):
            await publisher.check()
    except (KullError, TimeoutError):
        return Status(ready=False)
    return Status(ready=True)


def create_app(
    publisher: Publisher,
    *,
    authorize: auth.Authorize,
    status: Callable[[], Awaitable[Status]] | None = None,
) -> FastAPI:
    """Return the ASGI app.

    Args:
        publisher: opened and closed by the caller.
        authorize: see `auth.service_auth`.
        status: what the health endpoints tell; by default whether RabbitMQ answers.
    """
    app = FastAPI(title="Kull Sync triggers", docs_url=None, redoc_url=None)
    problems.install(app)
    _add_triggers(app, publisher, authorize)

    async def default_status() -> Status:
        return await publisher_status(publisher)

    _add_health(app, status or default_status)
    return app


def _add_triggers(app: FastAPI, publisher: Publisher, authorize: auth.Authorize) -> None:
    async def trigger(
        request: Request, model: type[Event], scope: str, *, addressed: bool = False
    ) -> JSONResponse:
        authorize(request.headers.get("authorization", ""), scope)
        fields = await _fields(request)
        user_id = _pop_user_id(model, fields) if addressed else None
        event_id = await publisher.publish(
            model.from_data(fields),
            user_id=user_id,
            idempotency_key=request.headers.get("idempotency-key"),
        )
        return JSONResponse({"id": event_id}, status_code=HTTPStatus.ACCEPTED)

    @app.post("/api/sync/shoot-progress", **_documented(ShootProgress, addressed=True))
    async def shoot_progress(request: Request) -> JSONResponse:
        """Tell a user's devices how far a shoot is."""
        return await trigger(request, ShootProgress, auth.SHOOT_WRITE, addressed=True)

    @app.post("/api/sync/credit-update", **_documented(CreditUpdate))
    async def credit_update(request: Request) -> JSONResponse:
        """Tell a user's devices that the balance has changed."""
        return await trigger(request, CreditUpdate, auth.CREDIT_WRITE)

    @app.post("/api/sync/prompt-change", **_documented(PromptChange))
    async def prompt_change(request: Request) -> JSONResponse:
        """Tell some users, or everybody, that a prompt has changed."""
        return await trigger(request, PromptChange, auth.PROMPT_WRITE)


def _add_health(app: FastAPI, status: Callable[[], Awaitable[Status]]) -> None:
    @app.get("/api/sync/status")
    async def sync_status() -> dict[str, Any]:
        """Tell whether events flow."""
        now = await status()
        return {"status": "ok" if now.ready else "unavailable", **now.details}

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        """Answer as long as the process runs."""
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        """Answer 200 if events flow, else 503."""
        if (await status()).ready:
            return JSONResponse({"status": "ok"})
        return problems.problem(
            HTTPStatus.SERVICE_UNAVAILABLE, "events do not flow now: see the log"
        )


async def _fields(request: Request) -> dict[str, Any]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise problems.BadRequest(
                f"the body has more than {MAX_BODY} bytes", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            )
    try:
        return parse_object(bytes(body), "the request's body")
    except InvalidEvent as error:
        raise problems.BadRequest(str(error)) from error


def _pop_user_id(model: type[Event], fields: dict[str, Any]) -> str:
    user_id = fields.pop("userId", None)
    if not isinstance(user_id, str):
        raise InvalidEvent(f"{model.title}: userId must be a text: whom is the event for?")
    return user_id


def _documented(model: type[Event], *, addressed: bool = False) -> dict[str, Any]:
    """Return the OpenAPI part of a trigger, whose body FastAPI does not parse itself."""
    schema = model.model_json_schema()
    if addressed:
        schema["properties"] = {"userId": {"type": "string"}, **schema["properties"]}
        schema["required"] = ["userId", *schema["required"]]
    key = {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}}
    return {
        "status_code": HTTPStatus.ACCEPTED,
        "openapi_extra": {
            "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
            "parameters": [key],
        },
    }
