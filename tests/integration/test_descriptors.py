"""Processes that may have few files open, and more connections than that."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Final

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from bench.cpu import cpu_seconds
from kull_gateway import service_token
from kull_protos.serving.descriptors import MIN_RESERVE
from tests.support.brokers import RabbitRig
from tests.support.device import SECRET, token
from tests.support.ports import free_port
from tests.support.processes import Processes, with_few_files

V2 = Subprotocol("kull.sync.v2")
FILES: Final = 128
CONNECTIONS: Final = 300
SECONDS: Final = 3.0  # that are measured
LINES: Final = 8  # of log in this time: one a second of each kind, and what else there is


class Role:
    """A process with few descriptors, and its log."""

    def __init__(self, processes: Processes, folder: Path, *role: str, **env: str) -> None:
        self.log = folder / f"{role[0]}.log"
        with self.log.open("ab") as log:
            self.process = processes.start(
                *with_few_files(FILES, sys.executable, "-m", "kull_mesh", *role),
                env=env,
                stdout=log,
                stderr=log,
            )

    @property
    def lines(self) -> list[str]:
        return self.log.read_text().splitlines()

    @property
    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    async def stays_calm(self) -> None:
        """Time passes: that is what is measured."""
        before, cpu = len(self.lines), cpu_seconds(self.process.pid)
        await asyncio.sleep(SECONDS)
        assert cpu_seconds(self.process.pid) - cpu < SECONDS / 3
        assert len(self.lines) - before <= LINES, self.lines[-20:]
        assert self.process.poll() is None
        assert not [line for line in self.lines if "Traceback" in line]


async def until_ready(role: Role, url: str) -> None:
    async with asyncio.timeout(30), httpx.AsyncClient() as client:
        while True:
            with suppress(httpx.TransportError):
                if (await client.get(url)).status_code == httpx.codes.OK:
                    return
            assert role.process.poll() is None, role.log.read_text()
            await asyncio.sleep(0.05)


@contextmanager
def crowd(port: int) -> Iterator[list[socket.socket]]:
    """Hold connections that say nothing, and come back when they are cut."""
    sockets: list[socket.socket] = []
    try:
        for _ in range(CONNECTIONS):
            each = socket.socket()
            sockets.append(each)
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        yield sockets
    finally:
        for each in sockets:
            each.close()


@asynccontextmanager
async def welcomed(port: int, device: str) -> AsyncIterator[ClientConnection]:
    offered = [V2, Subprotocol(f"kull.token.{token('maya', device)}")]
    url = f"ws://127.0.0.1:{port}/ws"
    async with connect(url, subprotocols=offered, open_timeout=10) as socket_:
        async with asyncio.timeout(10):
            assert json.loads(await socket_.recv())["type"] == "WELCOME"
        yield socket_


async def pongs(device: ClientConnection) -> None:
    async with asyncio.timeout(10):
        await (await device.ping())


async def test_a_crowd_without_tokens_keeps_no_device_out_when_descriptors_are_few(
    tmp_path: Path, processes: Processes
) -> None:
    port = free_port()
    env = {"KULL_HOME": str(tmp_path), "KULL_TOKEN_SECRET": SECRET}
    up = Role(processes, tmp_path, "up", "--port", str(port), "--data", str(tmp_path), **env)
    await until_ready(up, f"http://127.0.0.1:{port}/readyz")

    async with welcomed(port, "mac") as mac:
        with crowd(port):
            await up.stays_calm()
            await pongs(mac)
            async with welcomed(port, "phone"):
                assert up.open_files < FILES
        async with welcomed(port, "phone"):
            await pongs(mac)


async def test_devices_beyond_the_descriptors_are_turned_away_and_let_in_when_others_leave(
    tmp_path: Path, processes: Processes
) -> None:
    port = free_port()
    env = {"KULL_HOME": str(tmp_path), "KULL_TOKEN_SECRET": SECRET}
    up = Role(processes, tmp_path, "up", "--port", str(port), "--data", str(tmp_path), **env)
    await until_ready(up, f"http://127.0.0.1:{port}/readyz")

    async with AsyncExitStack() as stack:
        inside = []
        with pytest.raises((OSError, WebSocketException)):
            for number in range(FILES):
                user = f"user-{number}"
                offered = [V2, Subprotocol(f"kull.token.{token(user, 'mac')}")]
                device = await connect(f"ws://127.0.0.1:{port}/ws", subprotocols=offered)
                stack.push_async_callback(device.close)
                async with asyncio.timeout(10):
                    assert json.loads(await device.recv())["type"] == "WELCOME"
                inside.append(device)
        assert 20 < len(inside) < FILES - MIN_RESERVE
        with crowd(port):
            await up.stays_calm()
            for device in inside[:5]:
                await pongs(device)
        await inside.pop().close()
        await inside.pop().close()
        async with asyncio.timeout(20):
            while True:
                with suppress(OSError, WebSocketException):
                    async with welcomed(port, "phone"):
                        break
                await asyncio.sleep(0.1)


@pytest.mark.rabbitmq
async def test_the_gateway_answers_through_a_crowd_when_descriptors_are_few(
    tmp_path: Path, processes: Processes, amqp_url: str
) -> None:
    port = free_port()
    env = {
        "KULL_AMQP_URL": amqp_url,
        "KULL_SERVICE_SECRET": SECRET,
        "KULL_SHARD_COUNT": "2",
        "KULL_GATEWAY_PORT": str(port),
    }
    async with AsyncExitStack() as stack:
        await RabbitRig(stack, amqp_url).router(2)
        gateway = Role(processes, tmp_path, "gateway", **env)
        await until_ready(gateway, f"http://127.0.0.1:{port}/readyz")
        headers = {"Authorization": f"Bearer {service_token(SECRET)}"}
        event = {"userId": "ada", "newBalance": 5, "change": 5, "reason": "Test"}
        client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=10)
        async with client:
            with crowd(port):
                await gateway.stays_calm()
                for _ in range(5):
                    answer = await client.post("/api/sync/credit-update", json=event)
                    assert answer.status_code == httpx.codes.ACCEPTED


@pytest.mark.rabbitmq
async def test_router_and_edge_go_on_through_a_crowd_when_descriptors_are_few(
    tmp_path: Path, processes: Processes, amqp_url: str
) -> None:
    grpc_port, edge_port, status_port = free_port(), free_port(), free_port()
    common = {"KULL_AMQP_URL": amqp_url, "KULL_TOKEN_SECRET": SECRET, "KULL_SHARD_COUNT": "2"}
    router = Role(
        processes,
        tmp_path,
        "router",
        KULL_DATA=str(tmp_path),
        KULL_GRPC_PORT=str(grpc_port),
        KULL_METRICS_PORT=str(status_port),
        **common,
    )
    edge = Role(
        processes,
        tmp_path,
        "edge",
        KULL_EDGE_PORT=str(edge_port),
        KULL_EDGE_ROUTERS=f"127.0.0.1:{grpc_port}",
        **common,
    )
    await until_ready(router, f"http://127.0.0.1:{status_port}/readyz")
    await until_ready(edge, f"http://127.0.0.1:{edge_port}/readyz")

    async with welcomed(edge_port, "mac") as mac:
        with crowd(edge_port):
            await edge.stays_calm()
            await pongs(mac)
        with crowd(status_port):
            await router.stays_calm()
        with crowd(grpc_port):
            await router.stays_calm()
            async with welcomed(edge_port, "phone"):
                await pongs(mac)
        await until_ready(router, f"http://127.0.0.1:{status_port}/readyz")
