"""Requests that are never finished, to real processes: they keep nobody out and fill no log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from kull_gateway import service_token
from tests.integration.test_gateway import SECRET, gateway, until_ready
from tests.support.brokers import RabbitRig
from tests.support.ports import free_port
from tests.support.up import running

V2 = Subprotocol("kull.sync.v2")
COUNT: Final = 600
ROOM: Final = 300  # connections that may wait
HEADS: Final = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\n",
    b"GET /livez HTTP/1.1\r\nHost: x\r\n",
    b"GET / HTTP/1.1\r\nX-A: ",
    b"POST /api/sync/credit-update HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n",
)


async def _drip(port: int, head: bytes) -> None:
    """Begin a request, add a byte every so often, and begin again when it is cut."""
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        try:
            writer.write(head)
            while not reader.at_eof():
                try:
                    async with asyncio.timeout(0.5):
                        await reader.read(100)
                except TimeoutError:
                    writer.write(b"x")
        except OSError:
            pass
        finally:
            writer.transport.abort()
        await asyncio.sleep(1.0)  # who begins again at once is no slow request but a flood


@asynccontextmanager
async def attack(port: int) -> AsyncIterator[None]:
    """Hold that many requests, without credentials, while the body runs."""
    async with asyncio.TaskGroup() as group:
        dripping = [
            group.create_task(_drip(port, HEADS[number % len(HEADS)]), name=f"slow {number}")
            for number in range(COUNT)
        ]
        await asyncio.sleep(3.0)  # until all of them have a connection, or try to
        try:
            yield
        finally:
            for task in dripping:
                task.cancel()


async def test_six_hundred_unfinished_requests_keep_no_device_out_nor_fill_the_log(
    tmp_path: Path,
) -> None:
    with running(tmp_path, KULL_EDGE_HANDSHAKES=str(ROOM), KULL_GATEWAY_BODY_TIMEOUT="2") as up:
        names = ("mac", "phone", "tablet")
        tokens = [up.kull("token", "--user", "maya", "--device", each).strip() for each in names]
        already = await connect(f"{up.ws}?token={tokens[0]}", subprotocols=[V2])
        async with attack(up.port):
            for token in tokens[1:] * 5:
                offered = [V2, Subprotocol(f"kull.token.{token}")]
                async with asyncio.timeout(5), connect(up.ws, subprotocols=offered) as device:
                    assert json.loads(await device.recv())["type"] == "WELCOME"
            async with httpx.AsyncClient(base_url=up.http, timeout=5) as client:
                for path in ("/livez", "/readyz", "/api/sync/status"):
                    assert (await client.get(path)).status_code == httpx.codes.OK
        assert already.state.name == "OPEN"
        await already.close()
        up.stop()
        lines = up.log.read_text().splitlines()

    assert len(lines) < 300, lines[-20:]
    assert not [line for line in lines if "Traceback" in line]


@pytest.mark.rabbitmq
async def test_the_gateway_answers_while_six_hundred_requests_are_unfinished(
    amqp_url: str,
) -> None:
    port = free_port()
    limits = {"KULL_GATEWAY_CONNECTIONS": str(ROOM), "KULL_GATEWAY_BODY_TIMEOUT": "2"}
    async with AsyncExitStack() as stack:
        await RabbitRig(stack, amqp_url).router(2)
        process = await stack.enter_async_context(gateway(amqp_url, port, **limits))
        assert process.stdout
        log = asyncio.create_task(process.stdout.read(), name="log")
        headers = {"Authorization": f"Bearer {service_token(SECRET)}"}
        client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=5)
        async with client:
            await until_ready(client)
            async with attack(port):
                for _ in range(20):
                    assert (await client.get("/livez")).status_code == httpx.codes.OK
                    refused = await client.post("/api/sync/credit-update", json={"userId": "ada"})
                    assert refused.status_code == httpx.codes.UNPROCESSABLE_ENTITY
        process.terminate()
        lines = (await log).decode().splitlines()

    assert len(lines) < 300, lines[-20:]
    assert not [line for line in lines if "Traceback" in line]
