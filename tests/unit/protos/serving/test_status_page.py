"""The page for probes and metrics."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from kull_protos.serving.status_page import StatusPage, metrics, probes

ROUTES = {**probes(lambda: False), **metrics(lambda: b"one 1\n", "text/plain; version=1")}


async def ask(page: StatusPage, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", page.port)
    writer.write(request)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer


async def get(page: StatusPage, path: str, method: str = "GET") -> bytes:
    return await ask(page, f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_probes_and_metrics_are_answered_and_head_has_no_body(method: str) -> None:
    async with StatusPage("127.0.0.1", 0, ROUTES) as page:
        live, ready, counted, none = [
            await get(page, path, method) for path in ("/livez", "/readyz", "/metrics", "/other")
        ]
        refused = await get(page, "/livez", "POST")

    assert live.startswith(b"HTTP/1.1 200 OK\r\n")
    assert ready.startswith(b"HTTP/1.1 503 ")
    assert none.startswith(b"HTTP/1.1 404 ")
    assert refused.startswith(b"HTTP/1.1 405 ")
    assert b"\r\nContent-Type: text/plain; version=1\r\nContent-Length: 6\r\n" in counted
    assert counted.endswith(b"\r\n\r\n" + (b"one 1\n" if method == "GET" else b""))
    for answer in (live, ready, counted, none, refused):
        assert b"\r\nX-Content-Type-Options: nosniff\r\n" in answer
        assert b"frame-ancestors 'none'" in answer


async def test_a_whole_address_as_target_is_its_path() -> None:
    async with StatusPage("127.0.0.1", 0, ROUTES) as page:
        answer = await get(page, f"http://127.0.0.1:{page.port}/livez?full")

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


async def test_unfinished_requests_keep_no_probe_out_and_end_in_time() -> None:
    async with StatusPage("127.0.0.1", 0, ROUTES, timeout=1.0) as page:
        slow = [await asyncio.open_connection("127.0.0.1", page.port) for _ in range(200)]
        for _, writer in slow:
            writer.write(b"GET /li")
        assert (await get(page, "/livez")).startswith(b"HTTP/1.1 200 ")
        async with asyncio.timeout(10):
            for reader, writer in slow:
                with suppress(ConnectionError):
                    assert await reader.read() == b""
                writer.close()
        assert page._open == set()
        assert len(page._places) == 0


async def test_a_head_without_end_is_refused() -> None:
    async with StatusPage("127.0.0.1", 0, ROUTES) as page:
        assert (await ask(page, b"GET / HTTP/1.1\r\n" + b"x" * 20_000)).startswith(b"HTTP/1.1 431 ")


async def test_a_port_in_use_is_an_error() -> None:
    async with StatusPage("127.0.0.1", 0, ROUTES) as page:
        with pytest.raises(OSError, match="in use"):
            async with StatusPage("127.0.0.1", page.port, ROUTES):
                pass
