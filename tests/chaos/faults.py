"""What is done to the mesh. A fault is over when everything it broke has been started again."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable

from tests.chaos.balancer import Balancer
from tests.chaos.producer import Producer
from tests.support.mesh import Mesh, Process
from tests.support.postgres import Postgres
from tests.support.rabbitmq import RabbitMQ

STANDBY_WITHIN = 90.0  # seconds
Fault = Callable[[], Awaitable[None]]


class Faults:
    """All faults by name, on one mesh."""

    def __init__(
        self,
        mesh: Mesh,
        *,
        broker: RabbitMQ,
        database: Postgres,
        balancer: Balancer,
        producer: Producer,
        rng: random.Random,
    ) -> None:
        self._mesh, self._broker, self._database = mesh, broker, database
        self._balancer, self._producer, self._rng = balancer, producer, rng
        self._serving = mesh.router
        self.all: dict[str, Fault] = {
            "edge killed": self._edge_killed,
            "edge stopped and continued": self._edge_stopped,
            "edge drained": self._edge_drained,
            "serving router killed": self._router_killed,
            "serving router stopped and continued": self._router_stopped,
            "serving router drained": self._router_drained,
            "RabbitMQ killed": self._broker_killed,
            "RabbitMQ stopped and continued": self._broker_stopped,
            "PostgreSQL killed": self._database_killed,
            "PostgreSQL stopped and continued": self._database_stopped,
            "producer killed": self._producer_killed,
            "every connection cut": self._all_cut,
            "a third of the connections cut": self._some_cut,
            "connections half open": self._half_open,
            "connections unplugged": self._unplugged,
        }

    async def until_replaceable(self) -> None:
        """Wait until the other router could replace the one that serves: it has all edges."""
        routers = self._mesh.routers
        async with asyncio.timeout(STANDBY_WITHIN):
            while True:
                for serving, standby in ((0, 1), (1, 0)):
                    owned = await asyncio.to_thread(self._mesh.owned, serving)
                    if owned and await asyncio.to_thread(self._mesh.stands_by, standby):
                        self._serving = routers[serving]
                        return
                await asyncio.sleep(0.1)

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
        # Sometimes long enough for routers and devices to give it up.
        await self._frozen(self._rng.choice(self._mesh.edges), self._rng.choice([5.0, 35.0]))

    async def _router_killed(self) -> None:
        router = self._serving
        await asyncio.to_thread(router.stop, signal.SIGKILL)
        await asyncio.sleep(self._rng.uniform(0, 3))
        router.start()

    async def _router_drained(self) -> None:
        router = self._serving
        await asyncio.to_thread(router.stop)
        router.start()

    async def _router_stopped(self) -> None:
        # Sometimes long enough for RabbitMQ to give it up, so that it wakes up replaced.
        await self._frozen(self._serving, self._rng.choice([3.0, 35.0]))

    async def _frozen(self, process: Process, seconds: float) -> None:
        process.freeze()
        await asyncio.sleep(seconds)
        process.thaw()

    async def _broker_killed(self) -> None:
        await asyncio.to_thread(self._broker.kill)
        await asyncio.to_thread(self._broker.start)

    async def _broker_stopped(self) -> None:
        # Sometimes long enough for routers and the producer to give it up.
        self._broker.freeze()
        await asyncio.sleep(self._rng.choice([5.0, 40.0]))
        self._broker.thaw()

    async def _database_stopped(self) -> None:
        # Sometimes long enough for the routers to give it up.
        self._database.freeze()
        await asyncio.sleep(self._rng.choice([5.0, 25.0]))
        self._database.thaw()

    async def _database_killed(self) -> None:
        await asyncio.to_thread(self._database.kill)
        await asyncio.to_thread(self._database.start)

    async def _producer_killed(self) -> None:
        await self._producer.kill()
        await asyncio.sleep(self._rng.uniform(0, 2))
        await self._producer.start()

    async def _all_cut(self) -> None:
        self._balancer.cut()

    async def _some_cut(self) -> None:
        self._balancer.cut_some(1 / 3)

    async def _half_open(self) -> None:
        self._balancer.hold_answers()
        await asyncio.sleep(self._rng.uniform(2, 6))
        self._balancer.cut()

    async def _unplugged(self) -> None:
        self._balancer.silence()
        await asyncio.sleep(self._rng.uniform(2, 6))
        self._balancer.restore()
