"""Requests on the edge's port: WebSockets, health, everything else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from kull_edge.node import Edge
from tests.support.fake_router import FakeRouter
from tests.unit.edge.hubs import MAYA
from tests.unit.edge.sockets import (
    RAW_UPGRADE,
    V2,
    count,
    get,
    http,
    running,
    welcomed,
)


async def test_health_and_wrong_paths_are_answered() -> None:
    router = FakeRouter()
    async with running(router, own=False) as edge:
        assert (await http(edge, get("/livez"))).startswith("HTTP/1.1 200 ")
        assert (await http(edge, get("/readyz"))).startswith("HTTP/1.1 503 ")
        assert (await http(edge, get("/elsewhere"))).startswith("HTTP/1.1 404 ")
        assert (await http(edge, get("/ws?token=maya"))).startswith("HTTP/1.1 426 ")
        assert "400" in (await http(edge, "POST /ws HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"))[:15]
        await router.own()
        async with welcomed(edge, "maya:mac"):
            assert (await http(edge, get("/readyz"))).startswith("HTTP/1.1 200 ")


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/elsewhere"])
async def test_head_is_answered_like_get_without_the_body(path: str) -> None:
    async with running(FakeRouter()) as edge, welcomed(edge, "maya:mac"):
        got = await http(edge, get(path))
        head = await http(edge, get(path).replace("GET", "HEAD"))
        posted = await http(edge, get(path).replace("GET", "POST"))

    assert got.startswith(head)
    assert head.endswith("\r\n\r\n")
    assert posted.split()[1] == ("404" if path == "/elsewhere" else "405")


async def test_a_whole_address_as_target_is_its_path() -> None:
    async with running(FakeRouter()) as edge:
        own = f"http://127.0.0.1:{edge.port}"
        assert (await http(edge, get(f"{own}/livez"))).startswith("HTTP/1.1 200 ")
        assert (await http(edge, get(f"{own}/nowhere"))).startswith("HTTP/1.1 404 ")
        upgrade = RAW_UPGRADE.decode().replace("/ws", f"{own}/ws")
        assert "WELCOME" in await first_bytes(edge, upgrade, until="WELCOME")
        # Whose page it is counts by the address that was asked for.
        foreign = upgrade.replace("Host: x", "Host: evil.com\r\nOrigin: http://evil.com")
        assert (await http(edge, foreign)).startswith("HTTP/1.1 403 ")


async def test_another_version_of_websocket_is_told_which_one_there_is() -> None:
    async with running(FakeRouter()) as edge:
        for version in ("8", "14", "13, 8", ""):
            asked = RAW_UPGRADE.decode().replace("Version: 13", f"Version: {version}")
            head = (await http(edge, asked)).partition("\r\n\r\n")[0].split("\r\n")
            assert head[0].startswith("HTTP/1.1 426 "), version
            assert "Sec-WebSocket-Version: 13" in head


async def first_bytes(edge: Edge, request: str, *, until: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    writer.write(request.encode())
    async with asyncio.timeout(10):
        found = await reader.readuntil(until.encode())
    writer.close()
    return found.decode(errors="replace")


async def test_no_answer_of_an_edge_may_be_framed_or_guessed_at() -> None:
    foreign = RAW_UPGRADE.decode().replace("Host: x", "Host: x\r\nOrigin: https://evil.com")
    asked = [*map(get, ("/livez", "/readyz", "/elsewhere", "/ws", "/ws?" + "x" * 9000)), foreign]
    async with running(FakeRouter()) as edge:
        for request in [*asked, "POST /ws HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"]:
            head = (await http(edge, request)).partition("\r\n\r\n")[0].split("\r\n")
            assert "X-Content-Type-Options: nosniff" in head, request[:40]
            [policy] = [line for line in head if line.startswith("Content-Security-Policy: ")]
            assert policy.endswith("; frame-ancestors 'none'")
            assert "default-src 'none'" in policy


async def test_a_request_head_is_bounded_in_size_and_time() -> None:
    async with running(FakeRouter(), handshake_timeout=0.05) as edge:
        assert "431" in (await http(edge, "GET / HTTP/1.1\r\n" + "x" * 20_000))[:15]
        assert await http(edge, "GET / HTTP/1.1\r\n") == ""


class Echo(asyncio.Protocol):
    """A fallback that answers with the request it got."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(b"echo:" + data)
        self.transport.close()


async def test_everything_but_ws_goes_to_the_fallback_with_its_body() -> None:
    request = "POST /upload HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
    async with running(FakeRouter(), http_fallback=Echo) as edge:
        assert await http(edge, request) == f"echo:{request}"
        async with welcomed(edge, "maya"):
            pass


async def test_uvicorn_can_be_the_fallback() -> None:
    from uvicorn.config import Config
    from uvicorn.protocols.http.h11_impl import H11Protocol
    from uvicorn.server import ServerState

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        await send({"type": "http.response.start", "status": 201, "headers": []})
        await send({"type": "http.response.body", "body": body.upper()})

    config = Config(app, lifespan="off", log_config=None)
    config.load()
    state = ServerState()

    def fallback() -> asyncio.Protocol:
        return H11Protocol(config=config, server_state=state, app_state={})

    request = "POST /up HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"
    async with running(FakeRouter(), http_fallback=fallback) as edge:
        answer = await http(edge, request)
    assert answer.startswith("HTTP/1.1 201")
    assert answer.endswith("ABC\r\n0\r\n\r\n")


async def test_compression_is_negotiated_when_it_is_on_and_inflates_within_bounds() -> None:
    router = FakeRouter()
    async with (
        running(router, compression=True) as edge,
        connect(f"{edge.url}?token=maya:mac", subprotocols=[V2]) as device,
    ):
        assert device.protocol.extensions
        await device.recv()
        await device.recv()
        for _ in range(3):
            entry = router.publish(MAYA, size=2000)
            assert await device.recv() == entry.message.decode()
        # A bomb: it is small on the wire and over the limit once inflated.
        await device.send("x" * 1_000_000)
        with pytest.raises(ConnectionClosed, match="1009"):
            await device.recv()


async def test_compression_is_off_by_default() -> None:
    async with running(FakeRouter()) as edge, connect(f"{edge.url}?token=maya") as device:
        assert not device.protocol.extensions


async def test_wrong_path_is_refused_in_the_handshake() -> None:
    async with running(FakeRouter()) as edge:
        with pytest.raises(InvalidStatus, match="404"):
            await connect(f"{edge.url}/elsewhere")


async def test_a_long_query_is_refused() -> None:
    async with running(FakeRouter()) as edge:
        assert "414" in (await http(edge, get(f"/ws?token={'x' * 9000}")))[:15]
        assert count(edge, "refused", why="query") == 1
