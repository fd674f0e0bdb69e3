"""What stands before the edges: picks a living one, and can be made to fail."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Final

from tests.support.tcp_proxy import TcpProxy

CONNECT_SECONDS: Final = 2.0  # for one of several edges


class Balancer(TcpProxy):
    """One port for all edges."""

    def __init__(self, edges: Sequence[tuple[str, int]], rng: random.Random) -> None:
        super().__init__(*edges[0])
        self._edges = list(edges)
        self._rng = rng

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        *others, last = self._rng.sample(self._edges, len(self._edges))
        for edge in others:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await asyncio.open_connection(*edge)
            except OSError:  # TimeoutError is one
                continue
        return await asyncio.open_connection(*last)

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
