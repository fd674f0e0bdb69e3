"""One campaign: start the mesh and the load, break things for a while, count, tell."""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kull_producers.contract.shard import DEFAULT_SHARD_COUNT as SHARDS
from kull_producers.contract.shard import shard_of
from tests.chaos.balancer import Balancer
from tests.chaos.faults import Fault, Faults
from tests.chaos.fleet import Fleet
from tests.chaos.flow import Flow
from tests.chaos.ledger import Ledger
from tests.chaos.producer import Producer
from tests.chaos.report import Report
from tests.support.mesh import Mesh
from tests.support.postgres import Postgres
from tests.support.rabbitmq import RabbitMQ
from tests.support.until import until

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
        balancer = await stack.enter_async_context(
            Balancer([("127.0.0.1", port) for port in mesh.ports], rng)
        )
        users = [f"user-{number}" for number in range(plan.users)]
        producer = Producer(
            report.ledger,
            users=users,
            amqp_url=broker.url,
            folder=folder,
            interval=plan.interval,
        )
        stack.push_async_callback(producer.kill)
        url = f"ws://127.0.0.1:{balancer.port}/ws"
        fleet = Fleet(report.ledger, url=url, users=users, per_user=plan.per_user)
        faults = Faults(
            mesh, broker=broker, database=database, balancer=balancer, producer=producer, rng=rng
        )
        await Campaign(plan, fleet, producer, faults, report, rng).run()
    return report


class Breaks(Protocol):
    """What can be done to what runs."""

    all: dict[str, Fault]

    async def until_replaceable(self) -> None:
        """Wait until what a fault takes away can be replaced."""
        ...


class Campaign:
    """The load and the faults, on a mesh that runs."""

    def __init__(
        self,
        plan: Plan,
        fleet: Fleet,
        producer: Producer,
        faults: Breaks,
        report: Report,
        rng: random.Random,
    ) -> None:
        self._plan, self._rng = plan, rng
        self._fleet, self._producer, self._faults = fleet, producer, faults
        self._report = report

    async def run(self) -> None:
        """Connect the devices, publish and break things, and wait until all is delivered."""
        devices = list(self._fleet.devices())
        try:
            await until(lambda: self._fleet.connected == len(devices), seconds=60)
            await self._producer.start()
            await self._break_things()
            await self._producer.stop()
            await self._level("the end", dict(self._report.ledger.confirmed))
        finally:
            for task in devices:
                task.cancel()
            ended = await asyncio.gather(*devices, return_exceptions=True)
        self._report.problems += [
            f"a device failed: {error!r}" for error in ended if isinstance(error, Exception)
        ]

    async def _break_things(self) -> None:
        end = time.monotonic() + self._plan.seconds
        kinds = list(self._plan.kinds)
        while time.monotonic() < end if not self._plan.kinds else kinds:
            kind = kinds.pop(0) if kinds else self._rng.choice(sorted(self._faults.all))
            await self._fault(kind)
            await asyncio.sleep(self._rng.uniform(0, 2))

    async def _fault(self, kind: str) -> None:
        if kind in self._report.within:
            await self._faults.until_replaceable()
        begin = time.monotonic()
        closed_before = len(self._fleet.closes)
        flow = Flow(begin, self._producer.started, lambda user: shard_of(f"user:{user}", SHARDS))
        self._fleet.on_event = flow.deliver
        await self._faults.all[kind]()
        # Level with an event that was published after all was started again.
        await self._level(kind, {user: n + 1 for user, n in self._producer.started.items()})
        self._report.recoveries[kind].append(time.monotonic() - begin)
        if kind in self._report.within:
            self._report.closed += self._fleet.closes[closed_before:]
            if flow.pause is not None:  # it cannot be, when every device is level
                self._report.pauses[kind].append(flow.pause)

    async def _level(self, kind: str, marks: dict[str, int]) -> None:
        try:
            await until(lambda: self._report.ledger.level(marks), seconds=RECOVERED_WITHIN)
        except TimeoutError:
            self._report.problems.append(
                f"{RECOVERED_WITHIN:.0f} s after '{kind}' not every device is level"
            )
