"""A device as the protocol document describes it, independent of our SDKs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import jwt
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.support.schema import checked

SECRET = "the-secret-of-the-test-mesh-has-thirty-two-bytes"
V2 = Subprotocol("kull.sync.v2")
PRESENCE = {"DEVICE_CONNECTED", "DEVICE_DISCONNECTED"}
NOTICES = {"WELCOME", "JOINED", "PRESENCE", "STALE", "FRESH"}
WAIT = 25.0  # seconds; generous, since machines are shared

Frame = dict[str, Any]


def token(user: str, device: str | None = None, *, ttl: float = 600, **claims: Any) -> str:
    """Return a signed device token."""
    claims |= {"sub": user, "exp": int(time.time() + ttl)}
    if device:
        claims["device"] = device
    return jwt.encode(claims, SECRET, "HS256")


class Device:
    """One WebSocket and what came in on it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.welcome: Frame = {}
        self.seen: list[Frame] = []
        self.patience = WAIT  # seconds for one frame

    async def frame(self) -> Frame:
        """Return the next frame of any type."""
        async with asyncio.timeout(self.patience):
            frame: Frame = checked(json.loads(await self.socket.recv()))
        self.seen.append(frame)
        return frame

    async def event(self, *, presence: bool = False) -> Frame:
        """Return the next event, skipping notices and (unless asked for) presence."""
        while True:
            frame = await self.frame()
            kind = frame["type"]
            if kind in NOTICES or (kind in PRESENCE and not presence):
                continue
            return frame

    async def events_until(self, last: Callable[[Frame], bool]) -> list[Frame]:
        """Return the next events up to and with the one that `last` accepts."""
        events = [await self.event()]
        while not last(events[-1]):
            events.append(await self.event())
        return events

    async def send(self, **message: Any) -> None:
        """Send one message."""
        await self.socket.send(json.dumps(message))

    async def ack(self, frame: Frame) -> None:
        """Acknowledge everything up to a frame."""
        queue = {"queue": frame["queue"]} if "queue" in frame else {}
        await self.send(type="ACK", seq=frame["seq"], **queue)

    async def close_code(self) -> tuple[int, str]:
        """Read until the server closes and return its close code and reason."""
        with suppress(ConnectionClosed):
            while True:
                await self.frame()
        return self.socket.close_code or 0, self.socket.close_reason or ""


@asynccontextmanager
async def device(
    url: str,
    access: str,
    *,
    plain: bool = False,
    position: Frame | None = None,
    welcome: bool = True,
) -> AsyncIterator[Device]:
    """Connect a device: `kull.sync.v2` with HELLO, or with `plain` the seed's own protocol."""
    if plain:
        connection = connect(f"{url}?token={access}", compression=None, ping_interval=None)
    else:
        connection = connect(url, subprotocols=[V2], compression=None, ping_interval=None)
    async with connection as socket:
        connected = Device(socket)
        if not plain:
            await connected.send(type="HELLO", token=access, **(position or {}))
        if welcome:
            connected.welcome = await connected.frame()
            assert connected.welcome["type"] == "WELCOME", connected.welcome
        yield connected
