"""The HTTP triggers: an event per POST."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from kull_gateway import auth
from kull_gateway import openapi as documented
from kull_gateway import requests as bodies
from kull_gateway.idempotency import Used
from kull_gateway.problems import TooMany
from kull_gateway.rates import Buckets
from kull_producers.errors import InvalidEvent
from kull_producers.events.models import CreditUpdate, Event, PromptChange, ShootProgress
from kull_producers.publishing.publisher import Publisher


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Who may come in, and how often. `clock` returns seconds."""

    authorize: auth.Authorize
    buckets: Buckets
    clock: Callable[[], float]

    def admit(self, request: Request, scope: str) -> auth.Caller:
        """Return who calls. Raises Unauthorized, Forbidden, TooMany."""
        caller = self.authorize(request.headers.get("authorization", ""), scope)
        if wait := self.buckets.take(caller.id, self.clock()):
            raise TooMany(wait)
        return caller


class Triggers:
    """Turns requests into events."""

    def __init__(self, publisher: Publisher, door: Door) -> None:
        self._publisher = publisher
        self._door = door
        self._used = Used()

    async def trigger(
        self, request: Request, model: type[Event], scope: str, *, addressed: bool = False
    ) -> JSONResponse:
        """Publish the event in a request; answer once it is confirmed."""
        self._door.admit(request, scope)
        body = await bodies.read(request)
        fields = bodies.fields_of(body)
        key = bodies.idempotency_key(request)
        user_id = _pop_user_id(model, fields) if addressed else None
        event = model.from_data(fields)
        if key is not None:
            self._used.check(key, request.url.path, body, self._door.clock())
        event_id = await self._publisher.publish(
            event,
            user_id=user_id,
            idempotency_key=key,
            traceparent=bodies.traceparent(request),
        )
        return JSONResponse({"id": event_id}, status_code=HTTPStatus.ACCEPTED)


def add(app: FastAPI, publisher: Publisher, door: Door) -> None:
    """Add the triggers to an app."""
    triggers = Triggers(publisher, door)

    @app.post("/api/sync/shoot-progress", **documented.trigger(ShootProgress, addressed=True))
    async def shoot_progress(request: Request) -> JSONResponse:
        """Tell a user's devices how far a shoot is."""
        return await triggers.trigger(request, ShootProgress, auth.SHOOT_WRITE, addressed=True)

    @app.post("/api/sync/credit-update", **documented.trigger(CreditUpdate))
    async def credit_update(request: Request) -> JSONResponse:
        """Tell a user's devices that the balance has changed."""
        return await triggers.trigger(request, CreditUpdate, auth.CREDIT_WRITE)

    @app.post("/api/sync/prompt-change", **documented.trigger(PromptChange))
    async def prompt_change(request: Request) -> JSONResponse:
        """Tell some users, or everybody, that a prompt has changed."""
        return await triggers.trigger(request, PromptChange, auth.PROMPT_WRITE)


def _pop_user_id(model: type[Event], fields: dict[str, Any]) -> str:
    user_id = fields.pop("userId", None)
    if not isinstance(user_id, str):
        raise InvalidEvent(f"{model.title}: userId must be a text: whom is the event for?")
    return user_id
