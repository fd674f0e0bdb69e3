"""A rolling restart of every edge under load, and the death of one for comparison."""

from __future__ import annotations

import asyncio
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from kull_producers import connect
from tests.support.load.devices import Record
from tests.support.load.process import Devices
from tests.support.load.stream import Stream
from tests.support.mesh import Mesh

LEVEL_WITHIN = 60.0  # seconds after which an event that is not there counts as lost
CONNECTED_WITHIN = 300.0  # seconds
# What a router has outside the tests, whose shorter times would add load of their own.
PRODUCTION = {"KULL_PRESENCE_GRACE": "5", "KULL_PROBE_INTERVAL": "1", "KULL_CURSOR_FLUSH": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much load. `interval`: seconds between two events of a user; `settle`: between steps.

    `settings` are of the mesh's processes.
    """

    devices: int
    per_user: int = 2
    interval: float = 2.0
    settle: float = 5.0
    settings: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that was done to the mesh, and what the devices saw of it.

    `seconds`: from its begin until every device had everything; `lost`: what never arrived.
    """

    name: str
    seconds: float
    lost: int
    record: Record


class Rolling:
    """A mesh under load. Each step ends when every device is connected and has everything."""

    def __init__(self, plan: Plan, mesh: Mesh, devices: Devices, stream: Stream) -> None:
        self._plan, self._mesh = plan, mesh
        self._devices, self._stream = devices, stream

    async def undisturbed(self) -> Step:
        """Do nothing for a while."""
        return await self._step("nothing is done", asyncio.sleep(self._plan.settle))

    async def restart(self, edge: int) -> Step:
        """Drain an edge, and start it again."""
        return await self._step(f"edge {edge} is drained", self._restart(edge, signal.SIGTERM))

    async def kill(self, edge: int) -> Step:
        """Kill an edge, and start it again."""
        return await self._step(f"edge {edge} is killed", self._restart(edge, signal.SIGKILL))

    async def _restart(self, number: int, blow: signal.Signals) -> None:
        edge, port = self._mesh.edges[number], self._mesh.ports[number]
        code = await asyncio.to_thread(edge.stop, blow, within=60)
        expected = 0 if blow is signal.SIGTERM else -blow
        assert code == expected, f"edge {number} ended with {code}: {edge.log.read_text()[-2000:]}"
        edge.start()
        await asyncio.to_thread(edge.wait_until_ready, f"http://127.0.0.1:{port}/readyz")

    async def _step(self, name: str, what: Awaitable[None]) -> Step:
        begin = time.monotonic()
        await what
        await self.everybody_connected()
        lost = await self._level()
        seconds = time.monotonic() - begin
        await asyncio.sleep(self._plan.settle)  # and what comes late belongs to this step
        return Step(name=name, seconds=seconds, lost=lost, record=await self._devices.record())

    async def everybody_connected(self) -> None:
        """Wait until every device has a session. Raises TimeoutError."""
        async with asyncio.timeout(CONNECTED_WITHIN):
            while await self._devices.connected() < self._plan.devices:
                await asyncio.sleep(0.1)

    async def _level(self) -> int:
        """Wait until all that is confirmed by now has arrived; return what has not."""
        confirmed = dict(self._stream.confirmed)
        end = time.monotonic() + LEVEL_WITHIN
        while (missing := await self._devices.missing(confirmed)) and time.monotonic() < end:
            await asyncio.sleep(0.2)
        return missing


@asynccontextmanager
async def running(plan: Plan, amqp_url: str, database_url: str) -> AsyncIterator[Rolling]:
    """Start three edges, two routers, the devices and the stream; stop all of it at the end."""
    users = [f"user-{number}" for number in range(plan.devices // plan.per_user)]
    names = [(f"{user}/{number}", user) for user in users for number in range(plan.per_user)]
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kull-rolling-")))
        mesh = Mesh(
            amqp_url,
            folder,
            edges=3,
            routers=2,
            database_url=database_url,
            workers=1,
            **{"KULL_LOG_LEVEL": "warning", **plan.settings},
        )
        stack.callback(mesh.stop)
        await asyncio.to_thread(mesh.start)
        devices = stack.enter_context(Devices(names, mesh.ports))
        stream = Stream(users, interval=plan.interval)
        rolling = Rolling(plan, mesh, devices, stream)
        await rolling.everybody_connected()
        publisher = await stack.enter_async_context(connect(amqp_url, timeout=5))
        publishing = asyncio.create_task(stream.run(publisher), name="stream")
        try:
            await asyncio.sleep(plan.settle)
            await devices.record()  # the start is not what is looked at
            yield rolling
        finally:
            publishing.cancel()
            await asyncio.gather(publishing, return_exceptions=True)
