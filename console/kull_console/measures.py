"""What the console counts. PURE."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from kull_protos.common.measures import (
    DURATION,
    OTHER,
    Count,
    Counts,
    Gauge,
    Histogram,
    Measure,
    counter,
    gauge,
    histogram,
    measures_of,
)

# Routes as they are declared; pages and their files are OTHER.
PATHS: Final = (
    *(
        f"/console/api/{each}"
        for each in (
            *("me", "sign-in", "sign-out", "oidc/start", "oidc/callback", "overview", "live"),
            *("users", "user", "entries", "why", "behind", "dead", "rooms", "room", "actions"),
            "actions/{name}",
        )
    ),
    "/livez",
    "/readyz",
    OTHER,
)
STATUSES: Final = (
    *(
        str(status.value)
        for status in (
            HTTPStatus.OK,
            HTTPStatus.TEMPORARY_REDIRECT,
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.NOT_FOUND,
            HTTPStatus.UNPROCESSABLE_ENTITY,
            HTTPStatus.TOO_MANY_REQUESTS,
            HTTPStatus.INTERNAL_SERVER_ERROR,
            HTTPStatus.BAD_GATEWAY,
            HTTPStatus.SERVICE_UNAVAILABLE,
            HTTPStatus.GATEWAY_TIMEOUT,
        )
    ),
    OTHER,
)

REQUESTS: Final = counter(
    "kull_console_requests_total", "Answers by path and status", path=PATHS, status=STATUSES
)
SIGN_INS: Final = counter(
    "kull_console_sign_ins_total",
    "Attempts to sign in, with a key or at the OpenID provider: limited ones were not looked at",
    outcome=("signed_in", "refused", "limited"),
)
ROUTER_CALLS: Final = counter(
    "kull_console_router_calls_total",
    "Calls of routers: refused for what was asked, away (not asked, or not the right one), or "
    "unknown: asked without an answer",
    outcome=("answered", "refused", "away", "unknown"),
)
ROUTER_CALL_SECONDS: Final = histogram(
    "kull_console_router_call_seconds", "From a call of a router to its outcome", DURATION
)
LISTENERS: Final = gauge("kull_console_listeners", "Pages that look on, live")
ACTIONS: Final = counter("kull_console_actions_total", "What operators have done that succeeded")


class ConsoleMeasures:
    """`listeners` returns how many pages look on."""

    def __init__(self, listeners: Callable[[], float]) -> None:
        self.requests = Counts(REQUESTS)
        self.sign_ins = Counts(SIGN_INS)
        self.router_calls = Counts(ROUTER_CALLS)
        self.router_call_seconds = Histogram(ROUTER_CALL_SECONDS)
        self.listeners = Gauge(LISTENERS, listeners)
        self.actions = Count(ACTIONS)

    @property
    def all(self) -> list[Measure]:
        """All of them."""
        return measures_of(self)
