"""One campaign: start the mesh and the load, break things for a while, count, tell."""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.chaos.balancer import Balancer
from tests.chaos.faults import Faults
from tests.chaos.fleet import Fleet
from tests.chaos.ledger import Ledger
from tests.support.mesh import Mesh
from tests.support.postgres import Postgres
from tests.support.rabbitmq import RabbitMQ

RECOVERED_WITHIN = 90.0  # seconds after which a fault counts as not recovered from


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long, how much, and which faults (empty: all, drawn from the seed)."""

    seconds: float
    seed: int
    users: int = 100
    per_user: int = 2
    interval: float = 1.0
    kinds: Sequence[str] = ()


@dataclass(slots=True)
class Report:
    """What came of it. `recoveries`: seconds until every device was level, by kind of fault."""

    ledger: Ledger
    recoveries: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    problems: list[str] = field(default_factory=list)

    def violations(self) -> list[str]:
        """Return everything that must not be."""
        return self.problems + self.ledger.violations()

    def print(self) -> None:
        """Print the figures."""
        console = Console(highlight=False)
        table = Table("fault", "times", "recovered after, median", "worst")
        for kind, seconds in sorted(self.recoveries.items()):
            median = f"{statistics.median(seconds):.1f} s"
            table.add_row(kind, str(len(seconds)), median, f"{max(seconds):.1f} s")
        console.print(table)
        ledger = self.ledger
        console.print(
            f"confirmed {sum(ledger.confirmed.values())} events, delivered {ledger.deliveries}, "
            f"lost {ledger.lost()}, out of order {ledger.out_of_order}, leaked {ledger.leaked}, "
            f"not recovered {ledger.not_recovered}, repeats {ledger.repeats}"
        )
        for problem in self.violations():
            console.print(f"VIOLATION: {problem}")


async def run(plan: Plan) -> Report:
    """Run a campaign."""
    rng = random.Random(plan.seed)
    report = Report(Ledger())
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kull-chaos-")))
        broker = RabbitMQ()
        stack.callback(broker.close)
        await asyncio.to_thread(broker.start)
        database = Postgres()
        stack.callback(database.close)
        await asyncio.to_thread(database.start)
        mesh = Mesh(
            broker.url,
            folder,
            edges=3,
            routers=2,
            database_url=database.url,
            KULL_LOG_LEVEL="warning",
        )
        stack.callback(mesh.stop)
        await asyncio.to_thread(mesh.start)
        balancer = await stack.enter_async_context(Balancer(mesh.ports, rng))
        fleet = Fleet(
            report.ledger,
            url=f"ws://127.0.0.1:{balancer.port}/ws",
            amqp_url=broker.url,
            users=plan.users,
            per_user=plan.per_user,
            interval=plan.interval,
        )
        faults = Faults(mesh, broker=broker, database=database, balancer=balancer, rng=rng)
        await _load(plan, fleet, faults, report, rng)
    return report


async def _load(
    plan: Plan, fleet: Fleet, faults: Faults, report: Report, rng: random.Random
) -> None:
    devices = list(fleet.devices())
    publishing = None
    try:
        async with asyncio.timeout(60):
            while fleet.connected < len(devices):
                await asyncio.sleep(0.05)
        publishing = asyncio.create_task(fleet.publish(), name="publish")
        end = time.monotonic() + plan.seconds
        kinds = list(plan.kinds)
        while time.monotonic() < end if not plan.kinds else kinds:
            kind = kinds.pop(0) if plan.kinds else rng.choice(sorted(faults.all))
            await _fault(kind, fleet, faults, report)
            await asyncio.sleep(rng.uniform(0, 2))
        fleet.stop()
        await publishing
        await _level(fleet, report, "the end", dict(report.ledger.confirmed))
    finally:
        for task in [*devices, *([publishing] if publishing else [])]:
            task.cancel()
        ended = await asyncio.gather(*devices, return_exceptions=True)
    report.problems += [f"a device failed: {error!r}" for error in ended if _fault_of(error)]


def _fault_of(error: object) -> bool:
    return isinstance(error, Exception)


async def _fault(kind: str, fleet: Fleet, faults: Faults, report: Report) -> None:
    begin = time.monotonic()
    await faults.all[kind]()
    # Level with an event that was published after all was started again.
    await _level(fleet, report, kind, {user: n + 1 for user, n in fleet.started.items()})
    report.recoveries[kind].append(time.monotonic() - begin)


async def _level(fleet: Fleet, report: Report, kind: str, marks: dict[str, int]) -> None:
    try:
        async with asyncio.timeout(RECOVERED_WITHIN):
            while not report.ledger.level(marks):
                await asyncio.sleep(0.05)
    except TimeoutError:
        report.problems.append(f"{RECOVERED_WITHIN:.0f} s after '{kind}' not every device is level")
