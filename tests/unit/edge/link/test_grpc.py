"""A link ends when it is told to, whatever else happens in that moment."""

from __future__ import annotations

import asyncio
import random
from typing import Any

from kull_edge.link.grpc import GrpcLink, _Reset
from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.support.ports import free_port


class Breaking(GrpcLink):
    """Its stream breaks when the test says so."""

    def __init__(self) -> None:
        super().__init__(f"127.0.0.1:{free_port()}", pb.Hello(), rng=random.Random(1))
        self.streams = asyncio.Event()
        self.broken = asyncio.Event()

    async def _read(self, call: Any, outbox: Any, listener: Any) -> None:
        self.streams.set()
        await self.broken.wait()
        raise _Reset("broken")

    async def _write(self, call: Any, outbox: Any) -> None:
        await asyncio.Event().wait()


async def test_a_link_that_breaks_while_it_is_cancelled_ends() -> None:
    link = Breaking()
    running = asyncio.create_task(link.run(listener=None), name="link")  # type: ignore[arg-type]
    await link.streams.wait()

    link.broken.set()
    await asyncio.sleep(0)  # the stream has broken, its siblings are still being ended
    running.cancel()

    done, _ = await asyncio.wait({running}, timeout=5)
    assert done
    assert running.cancelled()
