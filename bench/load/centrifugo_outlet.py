"""Publishes through Centrifugo's HTTP API: each event a request, or all that is there at once."""

from __future__ import annotations

import asyncio
import zlib
from typing import Final

from bench.load import events
from bench.load.dialects import centrifugo_channel

# Requests of a connection are answered one after the other, which keeps a user's events in order.
CONNECTIONS: Final = 64
BATCH: Final = 64  # events of a request, at most: as many as the publisher has in one turn
_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"Content-Length: "
_LAST_CHUNK: Final = b"\r\n0\r\n\r\n"


class CentrifugoOutlet:
    """Requests are written without waiting; an answer confirms the events of its request.

    One by one, users are spread over connections. Batches go over a single one; since Centrifugo
    may work on a batch's commands at once, no user is in it twice.
    """

    def __init__(self, port: int, key: str, *, batches: bool) -> None:
        self._port, self._key, self._batches = port, key, batches
        self._templates: dict[str, bytes] = {}
        self._batch: dict[str, bytes] = {}
        self._connections: list[_Connection] = []

    @property
    def unconfirmed(self) -> int:
        """How many events are not confirmed.

        Raises RuntimeError when Centrifugo refused one: it would never be confirmed.
        """
        return len(self._batch) + sum(each.open() for each in self._connections)

    async def open(self) -> None:
        """See `Outlet.open`."""
        loop = asyncio.get_running_loop()
        for _ in range(1 if self._batches else CONNECTIONS):
            _, connection = await loop.create_connection(_Connection, "127.0.0.1", self._port)
            self._connections.append(connection)

    def publish(self, user: str, *, event_id: bytes, sent: int, number: int) -> None:
        """See `Outlet.publish`. Raises RuntimeError when Centrifugo refused an event."""
        template = self._templates.get(user)
        if template is None:
            template = self._templates[user] = self._template(user)
        filled = events.fill(template, event_id=event_id, sent=sent, number=number)
        if self._batches:
            self._collect(user, filled)
        else:
            which = zlib.crc32(user.encode()) % len(self._connections)
            self._connections[which].send(filled, events=1)

    async def aclose(self) -> None:
        """See `Outlet.aclose`."""
        for connection in self._connections:
            connection.close()

    def _template(self, user: str) -> bytes:
        """Return the command of an event, and without batches the whole request around it."""
        body = events.message(user).body
        command = b'{"channel":"%b","data":%b}' % (centrifugo_channel(user).encode(), body)
        return command if self._batches else self._request("publish", command)

    def _request(self, method: str, body: bytes) -> bytes:
        head = (
            f"POST /api/{method} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
            f"X-API-Key: {self._key}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def _collect(self, user: str, command: bytes) -> None:
        if user in self._batch or len(self._batch) == BATCH:
            self._flush()
        if not self._batch:
            asyncio.get_running_loop().call_soon(self._flush)
        self._batch[user] = command

    def _flush(self) -> None:
        if not self._batch:
            return
        commands = b",".join(b'{"publish":%b}' % each for each in self._batch.values())
        request = self._request("batch", b'{"parallel":true,"commands":[%b]}' % commands)
        count = len(self._batch)
        self._batch.clear()
        self._connections[0].send(request, events=count)


class _Connection(asyncio.Protocol):
    """One connection of HTTP/1.1; requests are pipelined."""

    def __init__(self) -> None:
        self.unconfirmed = 0
        self._waiting: list[int] = []  # events of each request, oldest first
        self._buffer = b""
        self._failure = ""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Confirm what the answers are to."""
        self._buffer += data
        while (begin := self._buffer.find(_END) + len(_END)) >= len(_END):
            end = self._end_of_answer(begin)
            if end is None:
                return
            self._answer(self._buffer[:begin], self._buffer[begin:end])
            self._buffer = self._buffer[end:]

    def _end_of_answer(self, begin: int) -> int | None:
        """Return where the answer ends whose body begins there, None if that is not here yet."""
        length = self._buffer.find(_LENGTH, 0, begin)
        if length < 0:  # in chunks, as what is long: JSON has no such line breaks in it
            last = self._buffer.find(_LAST_CHUNK, begin)
            return last + len(_LAST_CHUNK) if last >= 0 else None
        size = int(self._buffer[length + len(_LENGTH) : begin].split(b"\r", 1)[0])
        return begin + size if len(self._buffer) >= begin + size else None

    def connection_lost(self, error: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._failure = self._failure or f"Centrifugo closed its HTTP API's connection: {error}"

    def send(self, request: bytes, *, events: int) -> None:
        """Write a request. Raises RuntimeError when an earlier one was refused."""
        if self._failure or self._transport is None:
            raise RuntimeError(self._failure or "not connected")
        self._waiting.append(events)
        self.unconfirmed += events
        self._transport.write(request)

    def open(self) -> int:
        """Return how many events are not confirmed. Raises RuntimeError after a failure."""
        if self._failure:
            raise RuntimeError(self._failure)
        return self.unconfirmed

    def close(self) -> None:
        """Disconnect."""
        if self._transport is not None:
            self._transport.close()

    def _answer(self, head: bytes, body: bytes) -> None:
        if b" 200 " not in head[:15] or b'"error"' in body:
            self._failure = f"Centrifugo refused an event: {(head[:15] + body[:300]).decode()}"
            return
        self.unconfirmed -= self._waiting.pop(0)
