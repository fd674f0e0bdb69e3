"""A vector's end of a connection, in the place of `websockets`."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from contextlib import suppress
from types import TracebackType
from typing import Any

from websockets import frames
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK

from tests.support.schema import says

Json = dict[str, Any]


class Socket:
    """The vector's end of a connection, and what `websockets` would be to the client."""

    subprotocol = "kull.sync.v2"

    def __init__(self) -> None:
        self.sent: list[Json] = []
        self.said = asyncio.Event()
        self.closed = False
        self._incoming: deque[str | bytes] = deque()
        self._changed = asyncio.Event()
        self._end: ConnectionClosedError | ConnectionClosedOK | None = None

    async def send(self, text: str) -> None:
        if self._end:
            raise self._end
        message = json.loads(text)
        assert says(message), f"docs/schema/device.json refuses {message}"
        self.sent.append(message)
        self.said.set()

    async def recv(self) -> str | bytes:
        while not self._incoming:
            if self._end:
                raise self._end
            self._changed.clear()
            await self._changed.wait()
        return self._incoming.popleft()

    async def close(self) -> None:
        self.closed = True
        self.ends(1000)

    def gets(self, text: str | bytes) -> None:
        """Let a message arrive."""
        self._incoming.append(text)
        self._changed.set()

    def ends(self, code: int, reason: str = "") -> None:
        """Let the connection end; 1006: without a close frame."""
        close = None if code == 1006 else frames.Close(code, reason)
        kind = ConnectionClosedOK if code == 1000 else ConnectionClosedError
        self._end = self._end or kind(close, close, True if close else None)
        self._changed.set()


class Dialled:
    """What `async with connect(…)` waits for."""

    def __init__(self, attempt: asyncio.Future[Socket]) -> None:
        self._attempt = attempt

    async def __aenter__(self) -> Socket:
        return await self._attempt

    async def __aexit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        if self._attempt.done() and not self._attempt.cancelled():
            with suppress(OSError):
                await self._attempt.result().close()
