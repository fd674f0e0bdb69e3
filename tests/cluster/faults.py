"""What is done to the cluster. A fault is over when everything it broke has been mended."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from tests.cluster.brokers import BrokerCluster, Node
from tests.cluster.mesh import ClusterMesh
from tests.cluster.network import Host, Network

WHOLE_WITHIN: Final = 150.0  # seconds
Fault = Callable[[], Awaitable[None]]
# Seconds until every shard must deliver again, from the moment of the fault, which itself may last.
WITHIN: Final = {
    "RabbitMQ leader killed": 60.0,
    "RabbitMQ follower killed": 60.0,
    "RabbitMQ leader stopped and continued": 90.0,
    "RabbitMQ drained, one node after the other": 240.0,
    "majority of RabbitMQ lost": 150.0,
    "RabbitMQ cut in two": 120.0,
    "RabbitMQ cut one way": 150.0,
    "slow and lossy link of a RabbitMQ node": 90.0,
    "router cut off from RabbitMQ": 90.0,
    "router cut off from the edges": 90.0,
    "router cut off from RabbitMQ, one way": 90.0,
    "router cut off from the database": 90.0,
    "router killed": 60.0,
    "routers and edges replaced, one after the other": 240.0,
}


class ClusterFaults:
    """All faults by name, on one cluster."""

    def __init__(
        self,
        network: Network,
        *,
        brokers: BrokerCluster,
        mesh: ClusterMesh,
        routers: Sequence[Host],
        edges: Sequence[Host],
        database: Host,
        rng: random.Random,
    ) -> None:
        self._network, self._brokers, self._mesh, self._rng = network, brokers, mesh, rng
        self._routers, self._edges, self._database = routers, edges, database
        self.all: dict[str, Fault] = {
            "RabbitMQ leader killed": self._leader_killed,
            "RabbitMQ follower killed": self._follower_killed,
            "RabbitMQ leader stopped and continued": self._leader_stopped,
            "RabbitMQ drained, one node after the other": self._brokers_drained,
            "majority of RabbitMQ lost": self._majority_lost,
            "RabbitMQ cut in two": self._partition,
            "RabbitMQ cut one way": self._one_way,
            "slow and lossy link of a RabbitMQ node": self._impaired,
            "router cut off from RabbitMQ": self._router_from_brokers,
            "router cut off from the edges": self._router_from_edges,
            "router cut off from RabbitMQ, one way": self._router_one_way,
            "router cut off from the database": self._router_from_database,
            "router killed": self._router_killed,
            "routers and edges replaced, one after the other": self._rolling,
        }
        assert self.all.keys() == WITHIN.keys()

    async def until_replaceable(self) -> None:
        """Wait until the cluster is whole: each node may be lost then."""
        async with asyncio.timeout(WHOLE_WITHIN):
            while len(await asyncio.to_thread(self._brokers.members)) < len(self._brokers.nodes):
                await asyncio.sleep(0.5)
            await self._mesh.until_whole(WHOLE_WITHIN)

    # RabbitMQ

    async def _leader_killed(self) -> None:
        await self._killed([await self._node(leader=True)])

    async def _follower_killed(self) -> None:
        await self._killed([await self._node(leader=False)])

    async def _majority_lost(self) -> None:
        await self._killed(self._rng.sample(self._brokers.nodes, 2), seconds=20)

    async def _killed(self, nodes: list[Node], *, seconds: float = 3) -> None:
        for node in nodes:
            await asyncio.to_thread(node.kill)
        await asyncio.sleep(seconds)
        for node in nodes:
            node.start()
        for node in nodes:
            await asyncio.to_thread(node.wait)

    async def _leader_stopped(self) -> None:
        node = await self._node(leader=True)
        node.freeze()
        await asyncio.sleep(self._rng.choice([5.0, 30.0]))
        node.thaw()

    async def _brokers_drained(self) -> None:
        """As an upgrade does: maintenance mode, stop, start."""
        for node in self._brokers.nodes:
            await asyncio.to_thread(node.upgrade, "drain")
            await asyncio.to_thread(node.stop)
            node.start()
            await asyncio.to_thread(node.wait)
            await self.until_replaceable()

    async def _partition(self) -> None:
        alone = self._rng.choice(self._brokers.nodes).host
        others = [node.host for node in self._brokers.nodes]
        await self._cut([self._network.isolate(alone, others)])

    async def _one_way(self) -> None:
        one, other = (node.host for node in self._rng.sample(self._brokers.nodes, 2))
        await self._cut([self._network.cut(one, other, one_way=True)])

    async def _impaired(self) -> None:
        host = self._rng.choice(self._brokers.nodes).host
        await self._cut([self._network.impair(host, "delay", "60ms", "20ms", "loss", "3%")])

    # Routers

    async def _router_from_brokers(self) -> None:
        await self._apart(self._serving(), [node.host for node in self._brokers.nodes])

    async def _router_from_edges(self) -> None:
        await self._apart(self._serving(), self._edges)

    async def _router_from_database(self) -> None:
        await self._apart(self._serving(), [self._database])

    async def _router_one_way(self) -> None:
        """It hears RabbitMQ, which does not hear it."""
        host = self._routers[self._serving()]
        brokers = [node.host for node in self._brokers.nodes]
        await self._cut([self._network.cut(host, each, one_way=True) for each in brokers])

    async def _router_killed(self) -> None:
        router = self._mesh.routers[self._serving()]
        await asyncio.to_thread(router.stop, signal.SIGKILL)
        await asyncio.sleep(self._rng.uniform(0, 3))
        router.start()

    async def _rolling(self) -> None:
        for process in [*self._mesh.routers, *self._mesh.edges]:
            await asyncio.to_thread(process.stop, within=40)
            process.start()
            await self._mesh.until_whole(WHOLE_WITHIN)

    async def _apart(self, router: int, hosts: Sequence[Host]) -> None:
        await self._cut([self._network.isolate(self._routers[router], list(hosts))])

    async def _cut(self, mends: list[Callable[[], None]]) -> None:
        try:
            await asyncio.sleep(self._rng.choice([5.0, 35.0]))
        finally:
            for mend in mends:
                mend()

    def _serving(self) -> int:
        owned = self._mesh.owned()
        return owned.index(max(owned))

    async def _node(self, *, leader: bool) -> Node:
        """Return the node that leads the most queues, or one that leads fewer."""
        leaders = list((await asyncio.to_thread(self._brokers.leaders)).values())
        nodes = sorted(self._brokers.nodes, key=lambda node: -leaders.count(node.host.address))
        return nodes[0] if leader else nodes[-1]
