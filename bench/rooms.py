"""What it costs to tell who is in a room. Run: make bench-rooms

A router (SQLite), an edge and RabbitMQ are started; the devices (kull.sync.v2, WebSockets on the
loopback interface, one user each) live in this process. They are connected before anything is
measured. CPU is that of the processes named, in user and system mode.

    join, blind    200 join a room whose members they may not see: what a JOIN costs without it
    join           200 join a room and see who is there
    idle           nothing, for 10 s: what the others include, each second
    state          one member of them sets its state 20 times a second for 10 s, so that each
                   second ten diffs reach all of them; times: diffs
    1,000 x 5      5,000 join 1,000 rooms
    large          5,000 join one room: its count is told, and neighbours to who joins

Exit code 1 when somebody does not see in the end what is there, or RabbitMQ has got a queue, an
exchange or a binding.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))  # for tests.support

from bench.cpu import Roles, difference
from tests.support.load.rooms import Member, in_batches
from tests.support.mesh import Mesh
from tests.support.rabbitmq import RabbitMQ
from tests.support.until import until

STATES, PER_SECOND = 200, 20
IDLE = 10  # seconds
SETTLES_WITHIN = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Row:
    """What one step has cost. `times`: how often the thing was done that `each` is told of."""

    name: str
    times: int
    cpu: dict[str, float]
    seconds: float
    told: int


class Bench:
    """A running mesh."""

    def __init__(self, mesh: Mesh, roles: Roles) -> None:
        self._port, self._roles = mesh.ports[0], roles
        self.rows: list[Row] = []

    async def connect(self, members: list[Member]) -> None:
        """Connect devices, which are not in their rooms yet."""
        await in_batches(each.connect(self._port) for each in members)
        await asyncio.sleep(2)

    async def step(
        self, name: str, times: int, work: Any, members: list[Member], done: Callable[[], bool]
    ) -> None:
        """Measure some work until everybody has been told. `times`: 0: how often each was told."""
        told = sum(each.told for each in members)
        before, began = self._roles.cpu(), time.monotonic()
        await work
        await until(done, seconds=SETTLES_WITHIN, every=0.05)
        seconds = time.monotonic() - began
        cpu = difference(self._roles.cpu(), before)
        told = sum(each.told for each in members) - told
        times = times or round(told / len(members))
        self.rows.append(Row(name, times, cpu, seconds, told))


def see_each_other(members: list[Member], size: int) -> bool:
    """Whether each of them sees as many as there are."""
    return all(each.count == len(each.users) == size for each in members)


async def states(member: Member) -> None:
    """Set a state again and again."""
    for number in range(STATES):
        member.say("STATE", state={"n": number})
        await asyncio.sleep(1 / PER_SECOND)


async def joins(members: list[Member]) -> None:
    """Join, some at a time."""
    await in_batches(each.join() for each in members)


async def measure(bench: Bench, *, small: int, rooms: int) -> None:
    """Take every step."""
    blind = [Member(f"blind-{number}", "blind", rights=["read"]) for number in range(small)]
    await bench.connect(blind)
    await bench.step("join, blind", small, joins(blind), blind, lambda: True)
    together = [Member(f"user-{number}", "together") for number in range(small)]
    await bench.connect(together)
    await bench.step(
        "join", small, joins(together), together, lambda: see_each_other(together, small)
    )
    await bench.step("idle", IDLE, asyncio.sleep(IDLE), together, lambda: True)
    last = {"n": STATES - 1}
    await bench.step(
        "state",
        0,
        states(together[0]),
        together,
        lambda: all(each.users["user-0"].get("state") == last for each in together),
    )
    for each in (*blind, *together):
        each.close()
    await _many(bench, rooms)


async def _many(bench: Bench, rooms: int) -> None:
    spread = [Member(f"many-{number}", f"room-{number % rooms}") for number in range(5 * rooms)]
    await bench.connect(spread)
    await bench.step(
        f"{rooms:,} x 5", len(spread), joins(spread), spread, lambda: see_each_other(spread, 5)
    )
    for each in spread:
        each.close()
    await asyncio.sleep(2)
    crowd = [Member(f"crowd-{number}", "large") for number in range(5 * rooms)]
    await bench.connect(crowd)
    await bench.step(
        "large",
        len(crowd),
        joins(crowd),
        crowd,
        lambda: all(each.partial and each.count == len(crowd) for each in crowd),
    )
    for each in crowd:
        each.close()


@asynccontextmanager
async def running(large: int) -> AsyncIterator[tuple[Bench, RabbitMQ]]:
    """Run RabbitMQ, a router and an edge; rooms of more than `large` members are large."""
    broker = RabbitMQ()
    try:
        await asyncio.to_thread(broker.start)
        with tempfile.TemporaryDirectory() as folder:
            mesh = Mesh(
                broker.url,
                Path(folder),
                edges=1,
                KULL_PRESENCE_GRACE="5",
                KULL_PRESENCE_MEMBERS=str(large),
            )
            with mesh:
                await asyncio.to_thread(mesh.start)
                pids = {"router": [mesh.router.pid], "edge": [mesh.edges[0].pid]}
                roles = Roles({"broker": [broker.pid], **pids})
                yield Bench(mesh, roles), broker
                mesh.edges[0].stop(signal.SIGKILL)  # in order it would give each device a slot
    finally:
        await asyncio.to_thread(broker.close)


def table(rows: list[Row]) -> Table:
    """Return what is printed: CPU in microseconds for each of what was done."""
    shown = Table("step", "times", "router µs", "edge µs", "broker µs", "PRESENCE", "seconds")
    for row in rows:
        each = [f"{1e6 * row.cpu[role] / row.times:,.0f}" for role in ("router", "edge", "broker")]
        shown.add_row(row.name, f"{row.times:,}", *each, f"{row.told:,}", f"{row.seconds:.1f}")
    return shown


async def run(*, small: int, rooms: int) -> bool:
    """Measure, print, and return whether RabbitMQ is as it was."""
    async with running(small) as (bench, broker):
        before = broker.endpoint.metadata(broker.url)
        await measure(bench, small=small, rooms=rooms)
        same = broker.endpoint.metadata(broker.url) == before
        Console().print(table(bench.rows))
    return same


def main() -> int:
    """Read the options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=200, help="of the middle room")
    parser.add_argument("--rooms", type=int, default=1000, help="of five members each")
    options = parser.parse_args()
    return 0 if asyncio.run(run(small=options.members, rooms=options.rooms)) else 1


if __name__ == "__main__":
    sys.exit(main())
