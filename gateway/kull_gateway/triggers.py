"""The HTTP triggers: an event per POST, a route per type of event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from kull_gateway import auth, openapi, requests
from kull_gateway.idempotency import Used
from kull_gateway.problems import BadRequest, TooMany
from kull_gateway.rates import Buckets
from kull_producers.events.audience import whom_in
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
        kind = model.event_type
        caller = self._admission.admit(request, kind.scope)
        body = await requests.read(request)
        fields = requests.fields_of(body)
        key = requests.idempotency_key(request)
        whom = whom_in(kind.audience, kind.title, fields)
        event = model.from_data(fields)
        if key is not None:  # of the type: two paths lead here
            now = self._admission.clock()
            self._used.check(caller.service, kind.name, key, body=body, now=now)
        event_id = await self._publisher.publish(
            event,
            **whom._asdict(),
            idempotency_key=key,
            app_id=caller.service,
            traceparent=requests.traceparent(request),
        )
        return JSONResponse({"id": event_id}, status_code=HTTPStatus.ACCEPTED)


def add(app: FastAPI, publisher: Publisher, admission: Admission, events: Catalogue) -> None:
    """Add a trigger for each type of event to an app, and one for all."""
    triggers = Triggers(publisher, admission)
    for model in events.values():
        _add_route(app, triggers, model)
    _add_route_for_all(app, triggers, events)


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


def _add_route_for_all(app: FastAPI, triggers: Triggers, events: Catalogue) -> None:
    async def trigger(request: Request) -> JSONResponse:
        name = request.path_params["type"]
        model = events.get(name) or events.get(name.upper().replace("-", "_"))
        if model is None or name not in {model.event_type.name, model.event_type.slug}:
            raise BadRequest(
                f"no event type is called {name[:80]!r} here; there are {', '.join(events)}. "
                "A gateway learns its own from KULL_EVENTS_MODULES",
                HTTPStatus.NOT_FOUND,
            )
        return await triggers.trigger(request, model)

    scopes = ", ".join(f"{name}: {each.event_type.scope}" for name, each in events.items())
    app.add_api_route(
        "/api/sync/events/{type}",
        trigger,
        methods=["POST"],
        name="any_event",
        summary="Publish an event of any declared type.",
        description=f"The body is what the type's own trigger takes. Needs its scope: {scopes}.",
        **openapi.any_trigger(events),
    )
