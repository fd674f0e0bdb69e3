"""What every answer says to browsers, whoever gives it."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI

from tests.unit.gateway.listening import AUTHORIZED, TRIGGER, listening

POLICY = (
    "content-security-policy: default-src 'none'; connect-src 'self' ws: wss:; "
    "frame-ancestors 'none'"
)


def assert_guarded(answer: str, status: int) -> None:
    head = answer.partition("\r\n\r\n")[0].lower().split("\r\n")
    assert head[0].startswith(f"http/1.1 {status} "), answer
    assert head.count("x-content-type-options: nosniff") == 1, answer
    assert head.count(POLICY) == 1, answer


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ("GET /livez HTTP/1.1\r\n", 200),
        ("GET /openapi.json HTTP/1.1\r\n", 200),
        ("GET /nowhere HTTP/1.1\r\n", 404),
        ("DELETE /livez HTTP/1.1\r\n", 405),
        ("POST /api/sync/credit-update HTTP/1.1\r\nContent-Length: 0\r\n", 415),
        ("OPTIONS /livez HTTP/1.1\r\nOrigin: https://evil.com\r\n", 400),
    ],
)
async def test_no_answer_may_be_framed_or_guessed_at(request_: str, status: int) -> None:
    if request_.startswith("OPTIONS"):
        request_ += "Access-Control-Request-Method: POST\r\n"
    async with listening() as gateway:
        raw = await gateway.open(f"{request_}{AUTHORIZED}Connection: close\r\n\r\n")
        answer = await raw.end()

    assert_guarded(answer, status)
    assert "\r\ndate: " in answer.lower()


async def test_neither_may_an_answer_to_what_is_no_request() -> None:
    async with listening(body=0.1) as gateway:
        assert_guarded(await (await gateway.open("nonsense\r\n\r\n")).end(), 400)
        slow = await gateway.open(f"{TRIGGER}Content-Length: 9\r\n\r\n{{")
        assert_guarded(await slow.end(), 408)


async def test_nor_one_that_tells_of_a_fault_of_ours() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("a fault")

    app = FastAPI()
    app.mount("/", broken)
    async with listening(app=app) as gateway:
        answer = await (
            await gateway.open("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        ).end()

    assert_guarded(answer, 500)


async def test_a_page_has_a_policy_of_its_own() -> None:
    async def page(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-security-policy", b"default-src 'self'"), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    async with listening(app=page) as gateway:
        raw = await gateway.open("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = (await raw.end()).lower()

    assert answer.count("content-security-policy") == 1
    assert "content-security-policy: default-src 'self'\r\n" in answer
