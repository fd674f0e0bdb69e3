"""What the console costs with many devices. Run: python bench/console_overview.py --devices 10000

A router, two edges, RabbitMQ and PostgreSQL are started, and the devices in a process of their own,
connected and idle. In turns the mesh is left alone, and looked at by a console with one page that
looks on, which is also asked for its overview each half second.

    overview   how long `GET /console/api/overview` took: median, p99, worst
    routers    how long the routers took to answer the console, the last time
    added      CPU of routers and edges with the console less that without, and of the console
               itself, as shares of one core
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))  # for tests.support

from bench.cpu import cpu_seconds
from tests.support import machine
from tests.support.arguments import at_least, stop_in_order
from tests.support.console import RunningConsole, running_console
from tests.support.load.figures import percentile
from tests.support.load.process import Devices
from tests.support.load.rolling import CONNECTED_WITHIN, PRODUCTION
from tests.support.mesh import Mesh
from tests.support.postgres import Postgres
from tests.support.rabbitmq import RabbitMQ

PER_USER = 2
EACH = 0.5  # seconds between two questions


@dataclass(slots=True)
class Found:
    """What was measured. Times in seconds, shares of one core."""

    alone: list[float] = field(default_factory=list)
    looked_at: list[float] = field(default_factory=list)
    console: list[float] = field(default_factory=list)
    overview: list[float] = field(default_factory=list)
    routers_ms: float = 0.0


async def run(devices: int, rounds: int, seconds: float) -> Found:
    """Start all of it, and measure."""
    async with AsyncExitStack() as stack:
        broker, database = RabbitMQ(), Postgres()
        stack.push_async_callback(asyncio.to_thread, broker.close)
        stack.push_async_callback(asyncio.to_thread, database.close)
        await asyncio.to_thread(broker.start)
        await asyncio.to_thread(database.start)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kull-console-")))
        settings = {"KULL_LOG_LEVEL": "warning", "KULL_EDGE_UNLIMITED": "127.0.0.0/8", **PRODUCTION}
        mesh = Mesh(
            broker.url,
            folder,
            edges=2,
            workers=1,
            routers=1,
            database_url=database.url,
            **settings,
        )
        stack.callback(mesh.stop)
        await asyncio.to_thread(mesh.start)
        names = [(f"u{n // PER_USER}/{n % PER_USER}", f"u{n // PER_USER}") for n in range(devices)]
        fleet = stack.enter_context(Devices(names, mesh.ports))
        async with asyncio.timeout(CONNECTED_WITHIN):
            while await fleet.connected() < devices:
                await asyncio.sleep(0.5)
        await asyncio.sleep(2 * seconds / 3)  # what connecting has left to do
        return await measure(mesh, folder, rounds, seconds)


async def measure(mesh: Mesh, folder: Path, rounds: int, seconds: float) -> Found:
    """Leave it alone and look at it, in turns."""
    found = Found()
    pids = [each.pid for each in (*mesh.routers, *mesh.edges)]
    for _ in range(rounds):
        before = used(pids)
        await asyncio.sleep(seconds)
        found.alone.append((used(pids) - before) / seconds)
        with ExitStack() as stack:
            console = stack.enter_context(running_console(folder, mesh.grpc))
            await look(console, pids, found, seconds)
    return found


async def look(console: RunningConsole, pids: Sequence[int], found: Found, seconds: float) -> None:
    """Have a page look on, and ask for the overview meanwhile."""
    with console.browser(console.reads) as browser:
        cookies = dict(browser.http.cookies)
    async with httpx.AsyncClient(base_url=console.url, cookies=cookies, trust_env=False) as http:
        onlooker = asyncio.create_task(drain(http), name="onlooker")
        try:
            await asyncio.sleep(6)  # its start is not what is looked at
            before, own = used(pids), cpu_seconds(console.process.pid)
            began = time.monotonic()
            while (now := time.monotonic()) < began + seconds:
                answer = await http.get("/console/api/overview")
                found.overview.append(time.monotonic() - now)
                found.routers_ms = answer.json()["overview"]["tookMs"]
                await asyncio.sleep(EACH)
            took = time.monotonic() - began
            found.looked_at.append((used(pids) - before) / took)
            found.console.append((cpu_seconds(console.process.pid) - own) / took)
        finally:
            onlooker.cancel()
            await asyncio.gather(onlooker, return_exceptions=True)


async def drain(http: httpx.AsyncClient) -> None:
    """Read what a live page would."""
    async with http.stream("GET", "/console/api/live", timeout=None) as answer:
        async for _ in answer.aiter_bytes():
            pass


def used(pids: Sequence[int]) -> float:
    """Return the CPU seconds of processes so far."""
    return sum(map(cpu_seconds, pids))


def main() -> int:
    """Read the options, run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--devices", type=at_least(2), default=10_000)
    parser.add_argument("--rounds", type=at_least(1), default=2)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each part")
    options = parser.parse_args()
    stop_in_order()
    machine.need("rabbitmq_server", "postgres_server")
    found = asyncio.run(run(options.devices, options.rounds, options.seconds))
    times = [1000 * percentile(found.overview, share) for share in (0.5, 0.99, 1.0)]
    mesh = median(found.looked_at) - median(found.alone)
    print(f"{options.devices:,} devices, {options.rounds} rounds of {options.seconds:g} s")
    print(f"overview   {' / '.join(f'{each:.1f}' for each in times)} ms")
    print(f"routers    {found.routers_ms:.1f} ms")
    print(
        f"added      {mesh:.2%} at routers and edges (alone {median(found.alone):.2%}), "
        f"{median(found.console):.2%} in the console"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
