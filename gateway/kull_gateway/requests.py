"""Reads a request: its body as a JSON object, its headers that matter."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from fastapi import Request
from starlette.requests import ClientDisconnect

from kull_gateway.problems import BadRequest
from kull_producers.errors import InvalidEvent
from kull_producers.events.stamp import check_id
from kull_producers.events.strict_json import parse_object
from kull_producers.publishing.tracing import TRACEPARENT, is_traceparent

MAX_BODY: Final = 256 * 1024  # bytes; a thousand userIds fit


async def read(request: Request) -> bytes:
    """Return the body. Raises BadRequest: it is too large, not declared as JSON, or compressed."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        # A page of any origin may send other types without asking the browser's CORS rules.
        raise BadRequest("send `Content-Type: application/json`", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity":
        raise BadRequest(
            f"bodies are not read in the coding {coding[:40]!r}: send it plain, without "
            "`Content-Encoding`",
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        )
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                raise BadRequest(
                    f"the body has more than {MAX_BODY} bytes", HTTPStatus.REQUEST_ENTITY_TOO_LARGE
                )
    except ClientDisconnect:  # it hung up, or was too slow: nobody reads the answer
        raise BadRequest("the body ended too early") from None
    return bytes(body)


def fields_of(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a body. Raises BadRequest."""
    try:
        return parse_object(body, "the request's body")
    except InvalidEvent as error:
        raise BadRequest(str(error)) from error


def idempotency_key(request: Request) -> str | None:
    """Return the Idempotency-Key. Raises BadRequest if it cannot be one."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    try:
        return check_id(key)
    except InvalidEvent as error:
        raise BadRequest(f"Idempotency-Key: {error}", HTTPStatus.UNPROCESSABLE_ENTITY) from error


def traceparent(request: Request) -> str:
    """Return the W3C trace context; empty if there is none, or none that is valid."""
    value = request.headers.get(TRACEPARENT, "")
    return value if is_traceparent(value) else ""
