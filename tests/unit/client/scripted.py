"""A server whose side of the conversation the test plays by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from kull_client import (
    Event,
    SyncClient,
)

Json = dict[str, Any]
WAIT = 15.0  # seconds
TOKEN = "the-secret-token"


class Peer:
    """One connection, after its HELLO."""

    def __init__(self, socket: ServerConnection, hello: Json) -> None:
        self.socket, self.hello = socket, hello

    async def send(self, type_: str, data: Json | None = None, **fields: Any) -> None:
        """Send one message."""
        await self.socket.send(json.dumps({"type": type_, "data": data or {}, **fields}))

    async def welcome(
        self,
        *,
        epoch: str = "e1",
        after: int = 0,
        head: int = 0,
        recovered: bool = True,
        devices: list[Json] | None = None,
        window: int = 64,
        ack_delay: float = 0.05,
    ) -> None:
        """Open the session."""
        await self.send(
            "WELCOME",
            {
                "sessionId": "edge-1/7",
                "deviceId": "mac",
                "userId": "maya",
                "epoch": epoch,
                "generation": [1, 1],
                "queue": {"queue": "user", "head": head, "after": after, "recovered": recovered},
                "devices": devices or [],
                "keepalive": 30,
                "window": window,
                "ackDelay": ack_delay,
            },
        )

    async def credit(self, seq: int, **fields: Any) -> None:
        """Send one stored event."""
        await self.send("CREDIT_UPDATE", {"newBalance": seq}, id=f"id-{seq}", seq=seq, **fields)

    async def recv(self) -> Json:
        """Return the device's next message."""
        async with asyncio.timeout(WAIT):
            message: Json = json.loads(await self.socket.recv())
        return message

    async def rest(self) -> list[Json]:
        """Return what else the device sends until it closes the connection."""
        messages: list[Json] = []
        async with asyncio.timeout(WAIT):
            with suppress(ConnectionClosed):
                while True:
                    messages.append(json.loads(await self.socket.recv()))
        return messages

    async def close(self, code: int, reason: str = "") -> None:
        """Close the connection."""
        await self.socket.close(code, reason)


class Scripted:
    """Hands out connections in the order they come."""

    def __init__(self, server: Server) -> None:
        self.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws"
        self.peers: asyncio.Queue[Peer] = asyncio.Queue()

    async def accept(self, **welcome: Any) -> Peer:
        """Return the next connection, welcomed."""
        peer = await self.accept_silently()
        await peer.welcome(**welcome)
        return peer

    async def accept_silently(self) -> Peer:
        """Return the next connection, which has only said HELLO so far."""
        async with asyncio.timeout(WAIT):
            return await self.peers.get()


@asynccontextmanager
async def scripted() -> AsyncIterator[Scripted]:
    """Run a server for one test."""

    async def handle(socket: ServerConnection) -> None:
        peer = Peer(socket, json.loads(await socket.recv()))
        running.peers.put_nowait(peer)
        await socket.wait_closed()

    async with serve(
        handle, "127.0.0.1", 0, subprotocols=[Subprotocol("kull.sync.v2")], compression=None
    ) as server:
        running = Scripted(server)
        yield running


def client(url: str, token: Any = TOKEN, **options: Any) -> SyncClient:
    """Return a client that tries again without a pause."""
    return SyncClient(url, token, **{"random": lambda: 0.0} | options)


async def together(opening: SyncClient, server: Scripted, **welcome: Any) -> Peer:
    """Open the client and return the server's end of its connection."""
    async with asyncio.timeout(WAIT):
        peer, _ = await asyncio.gather(server.accept(**welcome), opening.__aenter__())
    return peer


async def events(source: SyncClient, count: int) -> list[Event]:
    """Return the next events."""
    async with asyncio.timeout(WAIT):
        return [await anext(source) for _ in range(count)]


class Failure(Exception):
    """What an application raises while it handles an event."""
