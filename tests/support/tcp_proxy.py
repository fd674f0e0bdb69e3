"""A TCP proxy that can lose a connection, with or without a word, or swallow answers."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self


class TcpProxy:
    """Forwards a port of its own on 127.0.0.1 to a server. `async with TcpProxy(host, port)`."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._refusing = self._silent = False
        self._silences = 0  # a connection from before the last one is dead
        self._clients = 0
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

    def silence(self) -> None:
        """Swallow what either side sends and tell nobody, also on new connections: no cable."""
        self._silent = True
        self._silences += 1

    def stop_reading(self) -> None:
        """Read nothing any more of the connections that there are: their sockets fill up."""
        for writer in self._writers:
            transport = writer.transport
            assert isinstance(transport, asyncio.Transport)
            transport.pause_reading()

    def restore(self) -> None:
        """Let new connections through again. Those from before a silence stay dead."""
        self._refusing = self._silent = False

    @property
    def clients(self) -> int:
        """How many connections are held open by clients."""
        return self._clients

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
        self._clients += 1
        self._writers.add(writer)
        try:
            if self._silent:
                await _swallow(reader)
            else:
                await self._forward(reader, writer)
        finally:
            self._clients -= 1
            self._writers.discard(writer)
            writer.transport.abort()

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        silences = self._silences
        server_reader, server_writer = await self._connect()
        both = {writer, server_writer}
        self._writers |= both
        requests = asyncio.create_task(self._pump(reader, server_writer), name="proxy-requests")
        answers = asyncio.create_task(
            self._pump(server_reader, writer, answers=True), name="proxy-answers"
        )
        try:
            await asyncio.wait({requests, answers}, return_when=asyncio.FIRST_COMPLETED)
            if silences != self._silences:
                await asyncio.wait({requests})  # the client does not hear that the server hangs up
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
        silences = self._silences
        while chunk := await reader.read(65536):
            if answers:
                await self._answers.wait()
            if silences != self._silences:
                continue
            writer.write(chunk)
            await writer.drain()


async def _swallow(reader: asyncio.StreamReader) -> None:
    with suppress(ConnectionError):
        while await reader.read(65536):
            pass
