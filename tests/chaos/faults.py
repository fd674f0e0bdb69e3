"""What is done to the mesh. A fault is over when everything it broke has been started again."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable

from tests.chaos.balancer import Balancer
from tests.support.mesh import Mesh, Process
from tests.support.rabbitmq import RabbitMQ

Fault = Callable[[], Awaitable[None]]


class Faults:
    """All faults by name, on one mesh."""

    def __init__(
        self, mesh: Mesh, broker: RabbitMQ, balancer: Balancer, rng: random.Random
    ) -> None:
        self._mesh, self._broker, self._balancer, self._rng = mesh, broker, balancer, rng
        self.all: dict[str, Fault] = {
            "edge killed": self._edge_killed,
            "edge stopped and continued": self._edge_stopped,
            "edge drained": self._edge_drained,
            "router killed": self._router_killed,
            "router stopped and continued": self._router_stopped,
            "RabbitMQ killed": self._broker_killed,
            "every connection cut": self._all_cut,
            "a third of the connections cut": self._some_cut,
            "connections half open": self._half_open,
        }

    async def _edge_killed(self) -> None:
        edge = self._rng.choice(self._mesh.edges)
        await asyncio.to_thread(edge.stop, signal.SIGKILL)
        await asyncio.sleep(self._rng.uniform(0, 2))
        edge.start()

    async def _edge_drained(self) -> None:
        edge = self._rng.choice(self._mesh.edges)
        await asyncio.to_thread(edge.stop, within=20)
        edge.start()

    async def _edge_stopped(self) -> None:
        await self._frozen(self._rng.choice(self._mesh.edges))

    async def _router_killed(self) -> None:
        await asyncio.to_thread(self._mesh.router.stop, signal.SIGKILL)
        self._mesh.router.start()

    async def _router_stopped(self) -> None:
        await self._frozen(self._mesh.router)

    async def _frozen(self, process: Process) -> None:
        process.send(signal.SIGSTOP)
        await asyncio.sleep(self._rng.uniform(2, 8))
        process.send(signal.SIGCONT)

    async def _broker_killed(self) -> None:
        await asyncio.to_thread(self._broker.kill)
        await asyncio.to_thread(self._broker.start)

    async def _all_cut(self) -> None:
        self._balancer.cut()

    async def _some_cut(self) -> None:
        self._balancer.cut_some(1 / 3)

    async def _half_open(self) -> None:
        self._balancer.hold_answers()
        await asyncio.sleep(self._rng.uniform(2, 6))
        self._balancer.cut()
