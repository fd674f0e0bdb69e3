"""A TCP proxy that can lose a connection, or swallow the server's answers before it does."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self


class TcpProxy:
    """Forwards a port of its own on 127.0.0.1 to a server. `async with TcpProxy(host, port)`."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._refusing = False
        self._answers = asyncio.Event()
        self._answers.set()

    @property
    def port(self) -> int:
        """Where to connect instead."""
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def cut(self, *, refuse: bool = False) -> None:
        """Reset all connections; with `refuse` also all new ones, until `restore`."""
        self._refusing = refuse
        for writer in self._writers:
            writer.transport.abort()
        self._answers.set()

    def hold_answers(self) -> None:
        """Keep what the server answers from now on; a cut throws it away."""
        self._answers.clear()

    def restore(self) -> None:
        """Accept connections again."""
        self._refusing = False

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        server_reader, server_writer = await self._connect()
        both = {writer, server_writer}
        self._writers |= both
        requests = asyncio.create_task(self._pump(reader, server_writer), name="proxy-requests")
        answers = asyncio.create_task(
            self._pump(server_reader, writer, answers=True), name="proxy-answers"
        )
        try:
            await asyncio.wait({requests, answers}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (requests, answers):
                task.cancel()
            await asyncio.gather(requests, answers, return_exceptions=True)
            self._writers -= both
            for each in both:
                each.transport.abort()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*self._target)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool = False
    ) -> None:
        while chunk := await reader.read(65536):
            if answers:
                await self._answers.wait()
            writer.write(chunk)
            await writer.drain()
