"""Publishes to Socket.IO's Redis streams adapter: the entries that its own `emit` would write."""

from __future__ import annotations

import asyncio
import json
from typing import Final

from bench.load import events

BROADCAST: Final = "3"  # MessageType.BROADCAST of socket.io-adapter
EVENT: Final = 2  # PacketType.EVENT of socket.io-parser
MAX_LENGTH: Final = "10000"  # the adapter's default


class RedisOutlet:
    """Commands are written without waiting; each answer is a confirm. Redis keeps their order."""

    def __init__(self, port: int) -> None:
        self.unconfirmed = 0
        self._port = port
        self._templates: dict[str, bytes] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._answers: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """See `Outlet.open`."""
        reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._answers = asyncio.create_task(self._count(reader), name="redis-answers")

    def publish(self, user: str, *, event_id: bytes, sent: int, number: int) -> None:
        """See `Outlet.publish`."""
        assert self._writer is not None and self._answers is not None
        if self._answers.done():
            raise RuntimeError(f"Redis refused an event: {self._answers.exception()}")
        template = self._templates.get(user)
        if template is None:
            template = self._templates[user] = _command(user)
        self._writer.write(events.fill(template, event_id=event_id, sent=sent, number=number))
        self.unconfirmed += 1

    async def aclose(self) -> None:
        """See `Outlet.aclose`."""
        if self._writer is not None and self._answers is not None:
            self._answers.cancel()
            await asyncio.wait({self._answers})
            self._writer.close()
            await self._writer.wait_closed()

    async def _count(self, reader: asyncio.StreamReader) -> None:
        while answer := await reader.readline():
            if answer.startswith(b"-"):
                raise RuntimeError(answer.decode().strip())
            await reader.readline()  # the entry's id, a bulk text on a line of its own
            self.unconfirmed -= 1


def _command(user: str) -> bytes:
    """Return XADD as RESP (https://redis.io/docs/latest/develop/reference/protocol-spec/)."""
    event = json.loads(events.message(user).body)
    data = {
        "packet": {"type": EVENT, "data": ["event", event], "nsp": "/"},
        "opts": {"rooms": [user] if user else [], "except": [], "flags": {}},
    }
    fields = {"uid": "bench", "nsp": "/", "type": BROADCAST, "data": json.dumps(data)}
    words = ["XADD", "socket.io", "MAXLEN", "~", MAX_LENGTH, "*"]
    words += [word for field in fields.items() for word in field]
    lines = [f"*{len(words)}", *(line for word in words for line in (f"${len(word)}", word))]
    return ("\r\n".join(lines) + "\r\n").encode()
