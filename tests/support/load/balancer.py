"""Which edge a new connection goes to: one at random of those whose `/readyz` says yes.

It chooses and copies no bytes, like a balancer whose answers take the direct way: a copier written
in Python would be what the figures show.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import NoReturn

CHECK_EVERY = 0.1  # seconds
PROBE = b"GET /readyz HTTP/1.1\r\nHost: balancer\r\nConnection: close\r\n\r\n"


class Balancer:
    """Knows which of the edges' ports are ready. `run` keeps that up to date."""

    def __init__(self, ports: Sequence[int], rng: random.Random) -> None:
        self._ports = list(ports)
        self._rng = rng
        self._ready: list[int] = []

    def candidates(self) -> list[int]:
        """Return the ports to try, in order; none if no edge is ready."""
        return self._rng.sample(self._ready, len(self._ready))

    def refused(self, port: int) -> None:
        """A connection was refused: leave this edge out until it is ready again."""
        if port in self._ready:
            self._ready.remove(port)

    async def run(self) -> NoReturn:
        """Check every edge, again and again."""
        while True:
            for port in self._ports:
                ready = await _is_ready(port)
                if ready and port not in self._ready:
                    self._ready.append(port)
                elif not ready:
                    self.refused(port)
            await asyncio.sleep(CHECK_EVERY)


async def _is_ready(port: int) -> bool:
    try:
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(PROBE)
                return b" 200 " in await reader.readline()
            finally:
                writer.transport.abort()
    except (OSError, TimeoutError):
        return False
