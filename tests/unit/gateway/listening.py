"""A gateway on a real port, and raw bytes to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from kull_gateway import create_app, service_auth, service_token
from kull_gateway.http import HttpSide, HttpTimeouts
from kull_gateway.places import PlaceLimits, Places
from kull_gateway.serving.listener import Listener, bind
from kull_producers.testing import InMemoryPublisher
from tests.support.until import until
from tests.unit.gateway.calls import CREDIT, SECRET

AUTHORIZED = f"Host: x\r\nAuthorization: Bearer {service_token(SECRET)}\r\n"
TRIGGER = f"POST /api/sync/credit-update HTTP/1.1\r\n{AUTHORIZED}Content-Type: application/json\r\n"
BODY = json.dumps(CREDIT)


@dataclass
class Raw:
    """One connection to it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def write(self, text: str) -> None:
        self.writer.write(text.encode())

    async def end(self) -> str:
        """Return everything until the server ends the connection."""
        try:
            async with asyncio.timeout(10):
                return (await self.reader.read()).decode()
        except ConnectionError:
            return ""
        finally:
            self.writer.close()

    async def answer(self) -> tuple[int, bytes]:
        """Return status and body of the next answer."""
        async with asyncio.timeout(10):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
            size = int(head.partition("content-length: ")[2].partition("\r\n")[0])
            return int(head.split()[1]), await self.reader.readexactly(size)


@dataclass
class Listening:
    """Where it listens, and what it has."""

    port: int
    places: Places
    publisher: InMemoryPublisher

    async def open(self, text: str = "") -> Raw:
        raw = Raw(*await asyncio.open_connection("127.0.0.1", self.port))
        raw.write(text)
        return raw

    async def ask(self, text: str) -> tuple[int, bytes]:
        raw = await self.open(text)
        try:
            return await raw.answer()
        finally:
            raw.writer.close()

    async def until(self, condition: Callable[[], bool]) -> None:
        await until(condition, seconds=10)


@asynccontextmanager
async def listening(
    *, app: Any = None, limits: PlaceLimits | None = None, **timeouts: float
) -> AsyncIterator[Listening]:
    async with InMemoryPublisher() as publisher:
        places = Places(limits or PlaceLimits(waiting=1000))
        http = HttpSide(
            app or create_app(publisher, authorize=service_auth(SECRET)),
            places=places,
            timeouts=HttpTimeouts(**timeouts),
        )
        listener = Listener(bind("127.0.0.1", 0), http.protocol, shed=places.shed)
        listener.start()
        try:
            yield Listening(listener.address[1], places, publisher)
        finally:
            listener.close()
            await http.aclose(0.1)
