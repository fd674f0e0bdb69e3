"""Connections to the gateway: every part of a request ends in time, and dawdlers make room."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from typing import Any

import pytest

from kull_gateway import service_token
from kull_gateway.places import PlaceLimits
from tests.unit.gateway.calls import SECRET
from tests.unit.gateway.listening import AUTHORIZED, BODY, TRIGGER, listening

CLOSE = "Connection: close\r\n"
LIVEZ = f"GET /livez HTTP/1.1\r\n{AUTHORIZED}\r\n"
UNFINISHED = TRIGGER + "Content-Length: 100\r\n\r\n{"


def comparable(answer: str) -> str:
    return re.sub(r"(date|x-request-id): [^\r]*", "", answer, flags=re.IGNORECASE)


@pytest.mark.parametrize("part", ["GET /livez HTTP/1.1\r\nHost:", "GE", UNFINISHED])
async def test_a_byte_now_and_then_keeps_no_request_alive(part: str) -> None:
    async with listening(head=0.3, body=0.3, idle=0.3) as gateway:
        raw = await gateway.open(part)

        async def drip() -> None:
            while True:
                raw.write("x")
                await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip(), name="drip")
        answer = await raw.end()
        dripping.cancel()
        await gateway.until(lambda: len(gateway.places) == 0)

    # What it was told is lost when its next byte comes after our end.
    assert answer == "" or answer.startswith("HTTP/1.1 408 ")
    assert gateway.publisher.events == []


async def test_who_is_too_slow_is_told_so() -> None:
    async with listening(body=0.1) as gateway:
        raw = await gateway.open(UNFINISHED)
        assert (await raw.end()).startswith("HTTP/1.1 408 Request Timeout\r\n")


async def test_who_says_nothing_is_told_nothing() -> None:
    async with listening(head=0.1) as gateway:
        raw = await gateway.open("")
        assert await raw.end() == ""


async def test_a_connection_is_kept_for_the_next_request_but_not_for_bytes_of_none() -> None:
    async with listening(idle=0.3, head=0.3) as gateway:
        raw = await gateway.open(LIVEZ)
        assert (await raw.answer())[0] == 200
        raw.write(LIVEZ)
        assert (await raw.answer())[0] == 200
        raw.write("GET")
        assert (await raw.end())[:12] in ("", "HTTP/1.1 408")


async def test_an_answer_before_the_body_keeps_nobody_who_goes_on_sending() -> None:
    async with listening(idle=0.3, body=0.3) as gateway:
        raw = await gateway.open(
            "POST /api/sync/credit-update HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"
        )
        assert (await raw.answer())[0] == 401
        raw.write(" ")
        assert await raw.end() == ""


async def test_who_reads_no_answer_is_cut() -> None:
    async def large(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(1000):
            await send({"type": "http.response.body", "body": bytes(100_000), "more_body": True})

    async with listening(app=large, answer=0.5) as gateway:
        raw = await gateway.open(LIVEZ)
        await gateway.until(lambda: len(gateway.places) == 1)
        await gateway.until(lambda: len(gateway.places) == 0)
        raw.writer.close()


async def test_several_requests_at_once_are_answered_in_turn() -> None:
    async with listening(idle=5, body=0.3) as gateway:
        raw = await gateway.open(3 * LIVEZ + UNFINISHED)
        assert [(await raw.answer())[0] for _ in range(3)] == [200, 200, 200]
        assert (await raw.end()).startswith("HTTP/1.1 408 ")


async def test_unfinished_requests_make_room_for_whole_ones() -> None:
    async with listening(limits=PlaceLimits(total=20, waiting=20)) as gateway:
        slow = [await gateway.open(UNFINISHED) for _ in range(60)]
        status, _ = await gateway.ask(f"{TRIGGER}Content-Length: {len(BODY)}\r\n\r\n{BODY}")
        assert status == 202
        assert len(gateway.places) <= 20
        for raw in slow:
            raw.writer.close()

    assert len(gateway.publisher.events) == 1


async def test_a_request_that_is_served_is_not_cut_for_newer_ones() -> None:
    go = asyncio.Event()

    async def waiting(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/slow":
            await go.wait()
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})

    async with listening(app=waiting, limits=PlaceLimits(total=5, waiting=5)) as gateway:
        served = await gateway.open("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        await gateway.until(lambda: not gateway.places._waiting and len(gateway.places) == 1)
        slow = [await gateway.open("GET") for _ in range(20)]
        await gateway.until(lambda: len(gateway.places) == 5)
        go.set()
        assert await served.answer() == (200, b"ok")
        for raw in [*slow, served]:
            raw.writer.close()


async def test_a_caller_that_hangs_up_in_its_body_is_no_fault_of_ours(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        async with listening() as gateway:
            raw = await gateway.open(UNFINISHED)
            await gateway.until(lambda: len(gateway.places) == 1)
            raw.writer.close()
            await gateway.until(lambda: len(gateway.places) == 0)

    assert caplog.records == []


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/api/sync/status"])
async def test_head_is_answered_like_get_without_the_body(path: str) -> None:
    async with listening() as gateway:
        got, head = [
            await (await gateway.open(f"{method} {path} HTTP/1.1\r\n{AUTHORIZED}{CLOSE}\r\n")).end()
            for method in ("GET", "HEAD")
        ]

    assert comparable(got).startswith(comparable(head))
    assert head.startswith("HTTP/1.1 200 ")
    assert head.endswith("\r\n\r\n")


async def test_a_whole_address_as_target_is_its_path() -> None:
    async with listening() as gateway:
        own = f"http://127.0.0.1:{gateway.port}"
        assert (await gateway.ask(LIVEZ.replace("/livez", f"{own}/livez")))[0] == 200
        asked = f"{TRIGGER}Content-Length: {len(BODY)}\r\n"
        asked = asked.replace("/api", f"{own}/api")
        assert (await gateway.ask(f"{asked}\r\n{BODY}"))[0] == 202
        # Whose page it is counts by the address that was asked for.
        foreign = asked.replace("Host: x", "Host: evil.com\r\nOrigin: http://evil.com")
        assert (await gateway.ask(f"{foreign}\r\n{BODY}"))[0] == 403


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "br", "deflate, gzip"])
async def test_a_compressed_body_is_415_and_told_why(coding: str) -> None:
    body = "\x1f not JSON"
    asked = f"{TRIGGER}Content-Encoding: {coding}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    async with listening() as gateway:
        status, said = await gateway.ask(asked)
        plain = f"{TRIGGER}Content-Encoding: identity\r\nContent-Length: {len(BODY)}\r\n\r\n"
        assert (await gateway.ask(plain + BODY))[0] == 202

    assert status == 415
    assert coding in json.loads(said)["detail"]
    assert "Content-Encoding" in json.loads(said)["detail"]


# What the HttpClient of Java 21 sends to http://: it offers HTTP/2 with every request.
JAVA = """\
POST /api/sync/credit-update HTTP/1.1\r
Connection: Upgrade, HTTP2-Settings\r
Content-Length: {size}\r
Host: 127.0.0.1:8080\r
HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r
Upgrade: h2c\r
User-Agent: Java-http-client/21.0.5\r
Authorization: Bearer {token}\r
Content-Type: application/json\r
\r
{body}"""


@pytest.mark.parametrize("pieces", [1, 3])
async def test_the_bodies_of_javas_client_which_offers_http_2_arrive(
    pieces: int, caplog: pytest.LogCaptureFixture
) -> None:
    request = JAVA.format(size=len(BODY), token=service_token(SECRET), body=BODY)
    step = -(-len(request) // pieces)
    with caplog.at_level(logging.WARNING):
        async with listening() as gateway:
            raw = await gateway.open()
            for number in (1, 2):  # on one connection
                for at in range(0, len(request), step):
                    raw.write(request[at : at + step])
                    await asyncio.sleep(0.01)  # so that they come in pieces
                status, _ = await raw.answer()
                assert status == 202
                assert len(gateway.publisher.events) == number
            raw.writer.close()

    assert caplog.records == []
