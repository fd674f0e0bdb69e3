"""What stands before the edges: picks a living one, and can be made to fail."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from tests.support.tcp_proxy import TcpProxy


class Balancer(TcpProxy):
    """One port for all edges."""

    def __init__(self, ports: Sequence[int], rng: random.Random) -> None:
        super().__init__("127.0.0.1", ports[0])
        self._ports = list(ports)
        self._rng = rng

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        ports = self._rng.sample(self._ports, len(self._ports))
        for port in ports[:-1]:
            try:
                return await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                continue
        return await asyncio.open_connection("127.0.0.1", ports[-1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await super()._serve(reader, writer)
        except OSError:
            writer.transport.abort()  # no edge lives

    def cut_some(self, share: float) -> None:
        """Reset about this share of the connections."""
        for writer in list(self._writers):
            if self._rng.random() < share / 2:  # either side of a connection ends both
                writer.transport.abort()
