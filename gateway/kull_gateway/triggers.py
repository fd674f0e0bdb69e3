"""The HTTP triggers: an event per POST, a route per type of event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from kull_gateway import auth, openapi, requests
from kull_gateway.idempotency import Used
from kull_gateway.problems import TooMany
from kull_gateway.rates import Buckets
from kull_producers.errors import InvalidEvent
from kull_producers.events.catalogue import Catalogue
from kull_producers.events.event import Event
from kull_producers.publishing.publisher import Publisher


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
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

    def __init__(self, publisher: Publisher, admission: Admission) -> None:
        self._publisher = publisher
        self._admission = admission
        self._used = Used()

    async def trigger(self, request: Request, model: type[Event]) -> JSONResponse:
        """Publish the event in a request; answer once it is confirmed."""
        caller = self._admission.admit(request, model.event_type.scope)
        body = await requests.read(request)
        fields = requests.fields_of(body)
        key = requests.idempotency_key(request)
        user_id = _pop_user_id(model, fields) if model.event_type.audience.takes_user else None
        event = model.from_data(fields)
        if key is not None:
            path, now = request.url.path, self._admission.clock()
            self._used.check(caller.service, path, key, body=body, now=now)
        event_id = await self._publisher.publish(
            event,
            user_id=user_id,
            idempotency_key=key,
            app_id=caller.service,
            traceparent=requests.traceparent(request),
        )
        return JSONResponse({"id": event_id}, status_code=HTTPStatus.ACCEPTED)


def add(app: FastAPI, publisher: Publisher, admission: Admission, events: Catalogue) -> None:
    """Add a trigger for each type of event to an app."""
    triggers = Triggers(publisher, admission)
    for model in events.values():
        _add_route(app, triggers, model)


def _add_route(app: FastAPI, triggers: Triggers, model: type[Event]) -> None:
    async def trigger(request: Request) -> JSONResponse:
        return await triggers.trigger(request, model)

    kind = model.event_type
    app.add_api_route(
        f"/api/sync/{kind.slug}",
        trigger,
        methods=["POST"],
        name=kind.method,
        summary=kind.summary,
        description=f"{model.__doc__} Needs the scope {kind.scope}.",
        **openapi.trigger(model),
    )


def _pop_user_id(model: type[Event], fields: dict[str, Any]) -> str:
    user_id = fields.pop("userId", None)
    if not isinstance(user_id, str):
        title = model.event_type.title
        raise InvalidEvent(f"{title}: userId must be a text: whom is the event for?")
    return user_id
