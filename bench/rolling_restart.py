"""What a rolling restart of three edges does to connected devices. Run: make rolling

Two routers, three edges, RabbitMQ and PostgreSQL are started; the devices (kull.sync.v2, WebSockets
on the loopback interface) live in a process of their own and reach a ready edge each. Every user
gets an event each --interval seconds throughout. Each edge in turn is drained with SIGTERM, ends,
is started again, and the next one follows when it is ready. For comparison one edge is killed
(-9) in the same run, the one that then has the most devices.

    reconnects/s   most connection attempts in any second, and in any 100 ms as a rate per second
    away           from the end of a device's connection to the WELCOME of its next one
    slowest event  the longest that any event took to a device, from the publisher's call

Exit code 1 when an event was lost, came out of order, or a device was not recovered.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).parents[1]))  # for tests.support

from tests.support import machine
from tests.support.arguments import at_least, stop_in_order
from tests.support.load.figures import peak, percentile
from tests.support.load.rolling import PRODUCTION, Plan, Rolling, Step, running
from tests.support.postgres import Postgres
from tests.support.rabbitmq import RabbitMQ

EDGES = 3
BUSY = 0.9  # of a core: above this the load generator may be what is measured


async def run(plan: Plan) -> list[Step]:
    """Run every step on a mesh of its own."""
    broker = RabbitMQ()
    database = Postgres()
    try:
        await asyncio.to_thread(broker.start)
        await asyncio.to_thread(database.start)
        async with running(plan, broker.url, database.url) as rolling:
            return await steps(rolling)
    finally:
        await asyncio.to_thread(database.close)
        await asyncio.to_thread(broker.close)


async def steps(rolling: Rolling) -> list[Step]:
    """Nothing, then each edge drained, then one killed."""
    before = await rolling.undisturbed()
    drained = [await rolling.restart(edge) for edge in range(EDGES)]
    # The devices have left each edge in turn: the first one has the most by now.
    return [before, *drained, await rolling.kill(0)]


def spread(seconds: Iterable[float]) -> str:
    """Return median, p99 and worst in milliseconds."""
    values = list(seconds)
    if not values:
        return "-"
    return " / ".join(f"{1000 * percentile(values, share):,.0f}" for share in (0.5, 0.99, 1.0))


def row(step: Step) -> list[str]:
    """Return a step's line of the table."""
    record = step.record
    return [
        step.name,
        f"{len(record.attempts):,}",
        f"{peak(record.attempts, 1.0):,} / {10 * peak(record.attempts, 0.1):,}",
        spread(record.away),
        spread(record.slowest.values()),
        f"{step.lost} / {record.out_of_order} / {record.not_recovered}",
        f"{record.repeats:,}",
        f"{record.deliveries:,}",
        f"{step.seconds:.1f} s",
        f"{100 * record.cpu:.0f} %",
    ]


def show(plan: Plan, done: list[Step]) -> None:
    """Print the table."""
    console = Console(highlight=False, width=190)
    console.print(
        f"{plan.devices:,} devices of {plan.devices // plan.per_user:,} users, "
        f"an event each {plan.interval:g} s per user"
    )
    table = Table(
        "step",
        "reconnects",
        "peak /s: 1 s / 100 ms",
        "away, ms: median / p99 / worst",
        "slowest event, ms: median / p99 / worst",
        "lost / disordered / not recovered",
        "repeats",
        "deliveries",
        "level after",
        "devices' CPU",
    )
    for step in done:
        table.add_row(*row(step))
    console.print(table)
    console.print(f"load average {os.getloadavg()[1]:.1f} on {os.cpu_count()} cores")
    for step in done:
        if failures := +step.record.failures:
            told = ", ".join(f"{count} {what}" for what, count in failures.most_common())
            console.print(f"{step.name}: attempts that failed: {told}")
        if step.record.cpu > BUSY:
            console.print(
                f"{step.name}: the devices' process used {step.record.cpu:.0%} of a core for a "
                "second, it may have been the limit"
            )


def main() -> int:
    """Read the options, run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--devices", type=at_least(2), default=3_000)
    parser.add_argument("--interval", type=float, default=2.0, help="seconds")
    parser.add_argument("--drain", type=float, help="KULL_EDGE_DRAIN, seconds")
    options = parser.parse_args()
    stop_in_order()
    machine.need("rabbitmq_server", "postgres_server")
    settings = dict(PRODUCTION)
    if options.drain is not None:
        settings["KULL_EDGE_DRAIN"] = str(options.drain)
    plan = Plan(devices=options.devices, interval=options.interval, settings=settings)
    done = asyncio.run(run(plan))
    show(plan, done)
    bad = sum(step.lost + step.record.out_of_order + step.record.not_recovered for step in done)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
