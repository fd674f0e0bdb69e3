"""A running edge on a free port with a fake router behind it, and devices on real sockets."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from kull_edge.link.memory import MemoryLink
from kull_edge.node import Edge
from kull_edge.settings import EdgeSettings
from tests.support.fake_router import FakeRouter

V2 = Subprotocol("kull.sync.v2")
Json = dict[str, Any]
PROGRESS = {"type": "UPDATE_PROGRESS", "payload": {"shootId": "s"}}
RAW_UPGRADE = (
    b"GET /ws?token=otto HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@asynccontextmanager
async def running(
    *routers: FakeRouter, own: bool = True, http_fallback: Any = None, **settings: Any
) -> AsyncIterator[Edge]:
    """Run the routers and an edge linked to them; the first router owns everything."""
    async with asyncio.TaskGroup() as group:
        stops = [asyncio.Event() for _ in routers]
        for router, stop in zip(routers, stops, strict=True):
            group.create_task(_serve(router, stop))
        if own:
            await routers[0].own()
        chosen = EdgeSettings(port=0, node_id="edge-1", allow_plain_tokens=True, **settings)
        links = [
            MemoryLink(router.listener, Edge.hello("edge-1"), name=router.router_id)
            for router in routers
        ]
        try:
            async with Edge(chosen, links=links, http_fallback=http_fallback) as edge:
                yield edge
        finally:
            for stop in stops:
                stop.set()


async def _serve(router: FakeRouter, stop: asyncio.Event) -> None:
    async with router.serving():
        await stop.wait()


class Peer:
    """A device's socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def frame(self) -> Json:
        async with asyncio.timeout(5):
            frame: Json = json.loads(await self.socket.recv())
        return frame

    async def frames(self, count: int) -> list[Json]:
        return [await self.frame() for _ in range(count)]

    async def send(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def close_code(self) -> int | None:
        async with asyncio.timeout(5):
            with suppress(ConnectionClosed):
                while True:
                    await self.socket.recv()
        return self.socket.close_code


@asynccontextmanager
async def peer(
    edge: Edge, query: str = "", *, v2: bool = False, offer: Sequence[str] = (), **options: Any
) -> AsyncIterator[Peer]:
    """Connect to the edge."""
    offered = [Subprotocol(name) for name in ([V2] if v2 else []) + list(offer)]
    async with connect(
        f"{edge.url}{query}", subprotocols=offered or None, compression=None, **options
    ) as socket:
        yield Peer(socket)


@asynccontextmanager
async def welcomed(edge: Edge, token: str, *, query: str = "") -> AsyncIterator[Peer]:
    """Connect a v2 device and take WELCOME and JOINED."""
    async with peer(edge, f"?token={token}{query}", v2=True) as device:
        assert [frame["type"] for frame in await device.frames(2)] == ["WELCOME", "JOINED"]
        yield device


async def http(edge: Edge, request: str) -> str:
    """Send raw bytes and return everything that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    writer.write(request.encode())
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer.decode()


def get(path: str) -> str:
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"


def count(edge: Edge, name: str, **labels: str) -> float:
    return edge.metrics.registry().get_sample_value(f"kull_edge_{name}_total", labels) or 0.0


async def turned_away(edge: Edge, query: str = "?token=maya", **options: Any) -> InvalidStatus:
    with pytest.raises(InvalidStatus) as caught:
        async with peer(edge, query, **options):
            pass
    return caught.value


async def round_trip(device: Peer) -> float:
    """Return the seconds of a ping and its pong."""
    began = time.perf_counter()
    async with asyncio.timeout(30):
        await (await device.socket.ping())
    return time.perf_counter() - began
