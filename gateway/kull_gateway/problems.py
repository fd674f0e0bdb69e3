"""Errors as `application/problem+json` (RFC 9457) that say what to do."""

from __future__ import annotations

import math
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from kull_gateway.auth import Forbidden, Unauthorized
from kull_gateway.idempotency import Conflict
from kull_gateway.metrics import GatewayMetrics
from kull_producers.contract import addresses
from kull_producers.errors import InvalidEvent, KullError, Partly

log = structlog.get_logger(__name__)


class BadRequest(Exception):
    """The request itself is malformed."""

    def __init__(self, detail: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(detail)
        self.status = status


class TooMany(Exception):
    """The caller (`who`, in words) is too fast; `wait` is in seconds."""

    def __init__(self, wait: float, who: str = "this key or service") -> None:
        self.wait = wait
        super().__init__(f"more calls than {who} may make: wait {wait:.1f} s, then send it again")


def problem(
    status: HTTPStatus, detail: str, headers: dict[str, str] | None = None, **more: object
) -> JSONResponse:
    """Return the response for an error; `more` are fields of its own."""
    said = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail}
    return JSONResponse(
        said | more,
        status_code=status,
        headers=headers,
        media_type="application/problem+json",
    )


def _partly(partly: Partly) -> JSONResponse:
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        f"confirmed for {len(partly.confirmed)} users, not for {len(partly.missing)}: send the "
        f"same body again with `Idempotency-Key: {partly.id}`, nobody is told twice",
        {"Retry-After": "1"},
        id=partly.id,
        confirmed=[each.removeprefix(addresses.USER) for each in partly.confirmed],
        missing=[each.removeprefix(addresses.USER) for each in partly.missing],
    )


def _unconfirmed(error: KullError) -> JSONResponse:
    detail = (
        f"{type(error).__name__}: the event is not confirmed, it may or may not reach the "
        "devices; send it again with the same Idempotency-Key"
    )
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {"Retry-After": "1"})


def install(app: FastAPI, metrics: GatewayMetrics) -> None:
    """Let the app answer every error as a problem."""

    @app.exception_handler(BadRequest)
    async def _bad_request(_: Request, error: BadRequest) -> JSONResponse:
        return problem(error.status, str(error))

    @app.exception_handler(TooMany)
    async def _too_many(_: Request, error: TooMany) -> JSONResponse:
        metrics.limited.value += 1
        retry = {"Retry-After": str(math.ceil(error.wait))}
        return problem(HTTPStatus.TOO_MANY_REQUESTS, str(error), retry)

    @app.exception_handler(Conflict)
    async def _conflict(_: Request, error: Conflict) -> JSONResponse:
        return problem(HTTPStatus.CONFLICT, str(error))

    @app.exception_handler(Unauthorized)
    async def _unauthorized(_: Request, error: Unauthorized) -> JSONResponse:
        return problem(HTTPStatus.UNAUTHORIZED, str(error), {"WWW-Authenticate": "Bearer"})

    @app.exception_handler(Forbidden)
    async def _forbidden(_: Request, error: Forbidden) -> JSONResponse:
        return problem(HTTPStatus.FORBIDDEN, str(error))

    @app.exception_handler(InvalidEvent)
    async def _invalid(_: Request, error: InvalidEvent) -> JSONResponse:
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))

    @app.exception_handler(KullError)
    async def _unavailable(request: Request, error: KullError) -> JSONResponse:
        log.warning("publish_failed", path=request.url.path, error=str(error))
        return _partly(error.partly) if error.partly else _unconfirmed(error)

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        status = HTTPStatus(error.status_code)
        return problem(status, error.detail, dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def _fault(_: Request, _error: Exception) -> JSONResponse:
        # Logged with its traceback by the server, to which it is raised again.
        return problem(
            HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of the gateway itself: please report it"
        )
