"""A WebSocket client in callbacks: cheap enough for thousands in one process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

V2 = Subprotocol("kull.sync.v2")
URI = parse_uri("ws://load/ws")
ABNORMAL = 1006  # no close frame came (RFC 6455, 7.1.5)

_quiet = logging.getLogger("kull_load.websocket")
_quiet.setLevel(logging.CRITICAL)


class Socket(asyncio.Protocol):
    """One connection. `on_text` gets what comes in; `closed` holds the close code at the end."""

    def __init__(self, hello: str, on_text: Callable[[bytes], None]) -> None:
        self.closed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._hello = hello
        self._on_text = on_text
        self._ws = ClientProtocol(URI, subprotocols=[V2], logger=_quiet)
        self._transport: asyncio.Transport | None = None

    def send(self, text: str) -> None:
        """Send a text, unless the connection is ending."""
        if self._ws.state is State.OPEN:
            self._ws.send_text(text.encode())
            self._write()

    def abort(self) -> None:
        """Drop the connection."""
        if self._transport:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._ws.send_request(self._ws.connect())
        self._write()

    def data_received(self, data: bytes) -> None:
        self._ws.receive_data(data)
        for event in self._ws.events_received():
            if isinstance(event, Response):
                self.send(self._hello)
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._on_text(bytes(event.data))
        self._write()

    def eof_received(self) -> None:
        self._ws.receive_eof()
        self._write()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if not self.closed.done():
            self.closed.set_result(self._ws.close_code or ABNORMAL)

    def _write(self) -> None:
        for chunk in self._ws.data_to_send():
            if self._transport is None or self._transport.is_closing():
                return
            if chunk:
                self._transport.write(chunk)
            else:
                self._transport.close()
