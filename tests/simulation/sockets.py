"""WebSocket frames on the simulated network, and the device's side of a WebSocket library."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Final

from websockets import frames
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK

from tests.simulation.loop import Process
from tests.simulation.network import End, Listener, Lost, Network
from tests.support.schema import checked

CAPACITY: Final = 16 * 1024  # bytes in the kernels' buffers, each way
MAX_QUEUE: Final = 16  # frames that the library reads ahead
FRAME: Final = 16  # bytes around a payload


@dataclass(frozen=True, slots=True)
class Hello:
    """The upgrade request."""

    v2: bool
    token: str


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class PingFrame:
    payload: bytes


@dataclass(frozen=True, slots=True)
class Pong:
    payload: bytes


@dataclass(frozen=True, slots=True)
class Closing:
    code: int
    reason: str


Frame = Hello | Text | PingFrame | Pong | Closing


def size_of(frame: Frame) -> int:
    """Return the bytes on the wire, about."""
    return FRAME + (len(frame.text) if isinstance(frame, Text) else 0)


class Balancer:
    """Where devices connect to: some edge that is there, as far as the balancer knows."""

    def __init__(self, net: Network, edges: list[Listener]) -> None:
        self._net = net
        self._edges = edges

    async def connect(self, process: Process) -> End:
        """Raises OSError."""
        edge = self._net.rng.choice(self._edges)
        try:
            return await self._net.connect("socket", process, edge, capacity=CAPACITY)
        except Lost as error:
            raise OSError(str(error)) from error


BALANCER: Final[ContextVar[tuple[Balancer, Process]]] = ContextVar("balancer")


class WebSocket:
    """What `websockets.asyncio.client.ClientConnection` is to the SDK."""

    def __init__(self, end: End) -> None:
        self.subprotocol = "kull.sync.v2"
        self._end = end
        self._texts: deque[str] = deque()
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._received: Closing | None = None
        self._ended = False
        self._reader = end.process.start(self._read(), "socket")

    async def _read(self) -> None:
        """Answer pings and read ahead, until the application does not keep up."""
        with suppress(Lost):
            while self._received is None:
                match await self._end.receive():
                    case Text(text):
                        checked(json.loads(text))
                        self._texts.append(text)
                        self._changed.set()
                        while len(self._texts) >= MAX_QUEUE:
                            self._room.clear()
                            await self._room.wait()
                    case PingFrame(payload):
                        self._end.post(Pong(payload), FRAME)
                    case Closing() as closing:
                        self._received = closing
        self._ended = True
        self._changed.set()
        self._end.close()

    async def recv(self) -> str:
        """Return the next text. Raises ConnectionClosed."""
        while not self._texts:
            if self._ended:
                raise self._closed()
            self._changed.clear()
            await self._changed.wait()
        self._room.set()
        return self._texts.popleft()

    async def send(self, text: str) -> None:
        """Send a text. Raises ConnectionClosed."""
        if self._ended:
            raise self._closed()
        try:
            await self._end.send(Text(text), FRAME + len(text))
        except Lost:
            raise self._closed() from None

    async def close(self) -> None:
        """Close with 1000."""
        self._end.post(Closing(1000, ""), FRAME)
        self._end.close()
        self._reader.cancel()
        self._ended = True
        self._changed.set()

    def _closed(self) -> ConnectionClosedError | ConnectionClosedOK:
        if self._received is None:
            return ConnectionClosedError(None, None)
        close = frames.Close(self._received.code, self._received.reason)
        kind = ConnectionClosedOK if close.code == 1000 else ConnectionClosedError
        return kind(close, close, True)


class dial:
    """Opens a WebSocket from the process that runs this."""

    def __init__(self, url: str, *, within: float) -> None:
        self._timeout = within
        self._socket: WebSocket | None = None

    async def __aenter__(self) -> WebSocket:
        balancer, process = BALANCER.get()
        async with asyncio.timeout(self._timeout):
            end = await balancer.connect(process)
            end.post(Hello(True, ""), FRAME)
        self._socket = WebSocket(end)
        return self._socket

    async def __aexit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        if self._socket:
            await self._socket.close()
