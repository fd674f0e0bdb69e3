"""`DELETE /api/sync/devices/{deviceId}`: a person signs out a device, with a token of their own."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, Protocol

from fastapi import FastAPI, Request, Response

from kull_gateway import openapi
from kull_gateway.address_rates import AddressRates
from kull_gateway.auth import bearer
from kull_gateway.problems import TooMany, problem
from kull_producers.contract.limits import MAX_DEVICE_ID_CHARS, MAX_TOKEN_CHARS

# What routers call it, and what it is in HTTP; anything else is about the token.
_STATUSES: Final = {
    "forbidden": HTTPStatus.FORBIDDEN,
    "unknown_device": HTTPStatus.NOT_FOUND,
    "rate_limited": HTTPStatus.TOO_MANY_REQUESTS,
    "unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
}
UNLIMITED: Final = AddressRates(rate=0, burst=0)
_AGAIN: Final = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
_DEVICE_ID: Final[dict[str, Any]] = {
    "name": "deviceId",
    "in": "path",
    "required": True,
    "description": "whom, as WELCOME and DEVICE_CONNECTED name it",
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_DEVICE_ID_CHARS},
}


class SignOutRefused(Exception):
    """Nobody was signed out. `code` is one of docs/protocol.md, the text is fit for the person."""

    def __init__(self, code: str, why: str) -> None:
        self.code = code
        super().__init__(why)


class SignOut(Protocol):
    """What signs devices out: the routers, which alone know device tokens."""

    async def __call__(self, token: str, device_id: str) -> None:
        """Sign a device of the token's user out, durably; doing it twice is harmless.

        Raises SignOutRefused.
        """
        ...


def add(
    app: FastAPI, sign_out: SignOut, *, attempts: AddressRates, clock: Callable[[], float]
) -> None:
    """Add the route to an app. `attempts`: how often an address may call; `clock`: its seconds."""

    @app.delete(
        "/api/sync/devices/{deviceId:path}",  # an id may hold a slash
        status_code=HTTPStatus.NO_CONTENT,
        response_class=Response,
        responses=openapi.problems(
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.NOT_FOUND,
            *_AGAIN,
        ),
        openapi_extra=openapi.OF_A_DEVICE | {"parameters": [_DEVICE_ID]},
    )
    async def sign_out_device(request: Request) -> Response:
        """Sign out a device of the user whose device token is shown.

        All of its tokens are worth nothing from then on, its connections close, and nothing is
        known of it any more. The token must grant `devices:manage`, as it does unless it says
        otherwise.
        """
        _count(request, attempts, clock())
        token = bearer(request.headers.get("authorization", ""))
        try:
            if len(token) > MAX_TOKEN_CHARS:
                raise SignOutRefused("bad_token", "the token is too long")
            await sign_out(token, request.path_params["deviceId"])
        except SignOutRefused as refused:
            status = _STATUSES.get(refused.code, HTTPStatus.UNAUTHORIZED)
            headers = {"Retry-After": "1"} if status in _AGAIN else None
            return problem(status, str(refused), headers)
        return Response(status_code=HTTPStatus.NO_CONTENT)


def _count(request: Request, attempts: AddressRates, now: float) -> None:
    """Count a call before it costs a router a signature. Raises TooMany."""
    peer = request.client.host if request.client else ""
    if wait := attempts.take(peer, request.headers.getlist("x-forwarded-for"), now):
        raise TooMany(wait, "your address")
