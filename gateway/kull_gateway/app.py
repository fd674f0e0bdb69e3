"""The gateway's ASGI app, put together."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import FastAPI

from kull_gateway import (
    auth,
    device_route,
    health,
    openapi,
    presence_route,
    problems,
    token_route,
    triggers,
)
from kull_gateway.address_rates import AddressRates
from kull_gateway.device_route import SignOut
from kull_gateway.guard import Cors, Guard
from kull_gateway.health import AskStatus, publisher_status
from kull_gateway.metrics import GatewayMetrics
from kull_gateway.origins import Origins
from kull_gateway.presence_route import AskPresence
from kull_gateway.rates import Buckets
from kull_gateway.request_ids import RequestIds
from kull_gateway.token_minter import Minter
from kull_producers.events.catalogue import Catalogue
from kull_producers.events.models import EVENTS
from kull_producers.publishing.publisher import Publisher


def create_app(
    publisher: Publisher,
    *,
    authorize: auth.Authorize,
    events: Catalogue = EVENTS,
    status: AskStatus | None = None,
    minter: Minter | None = None,
    sign_out: SignOut | None = None,
    presence: AskPresence | None = None,
    origins: Origins | None = None,
    buckets: Buckets | None = None,
    attempts: AddressRates = device_route.UNLIMITED,
    metrics: GatewayMetrics | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> FastAPI:
    """Return the ASGI app.

    Args:
        publisher: opened and closed by the caller.
        authorize: see `auth.service_auth` and `keys.key_auth`.
        events: the types of events that have a trigger.
        status: what the health endpoints tell; by default whether RabbitMQ answers.
        minter: signs device tokens; None: there is no `/api/sync/token`.
        sign_out: signs devices out; None: there is no `/api/sync/devices`.
        presence: knows who is there; None: there is no `/api/sync/presence`.
        origins: pages that may call; by default those of the gateway's own host.
        buckets: how often each key or service may call; by default as often as it likes.
        attempts: how often an address may sign a device out; by default as often as it likes.
        metrics: what is counted.
        clock: seconds.
    """
    app = FastAPI(
        title="Kull Sync triggers",
        summary="Events for all devices of a user, and tokens for the devices",
        docs_url=None,
        redoc_url=None,
    )
    counted = metrics or GatewayMetrics()
    problems.install(app, counted)
    limits = Buckets(rate=0, burst=0) if buckets is None else buckets  # an empty one is false
    admission = triggers.Admission(authorize=authorize, buckets=limits, clock=clock)
    triggers.add(app, publisher, admission, events)
    _add_answers(app, admission, minter, presence)
    if sign_out is not None:
        device_route.add(app, sign_out, attempts=attempts, clock=clock)
    health.add(app, status or partial(publisher_status, publisher))
    _add_middleware(app, origins or Origins(), counted)
    _complete_openapi(app)
    return app


def _add_answers(
    app: FastAPI,
    admission: triggers.Admission,
    minter: Minter | None,
    presence: AskPresence | None,
) -> None:
    """Add what services ask for."""
    if minter is not None:
        token_route.add(app, minter, admission)
    if presence is not None:
        presence_route.add(app, presence, admission)


def _add_middleware(app: FastAPI, origins: Origins, metrics: GatewayMetrics) -> None:
    """Add what all requests go through, the last one first."""
    app.add_middleware(Guard, origins=origins, metrics=metrics)
    app.add_middleware(Cors, origins=origins)
    app.add_middleware(RequestIds)


def _complete_openapi(app: FastAPI) -> None:
    generate = app.openapi

    def completed() -> dict[str, Any]:
        if app.openapi_schema is None:
            openapi.complete(generate())
        return generate()

    app.openapi = completed  # type: ignore[method-assign]
