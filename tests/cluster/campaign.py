"""One campaign on a cluster: start it and the load, break things for a while, count, tell."""

from __future__ import annotations

import asyncio
import random
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from tests.chaos.balancer import Balancer
from tests.chaos.campaign import Campaign, Plan
from tests.chaos.fleet import Fleet
from tests.chaos.ledger import Ledger
from tests.chaos.producer import Producer
from tests.chaos.report import Report
from tests.cluster.brokers import BrokerCluster
from tests.cluster.database import Database
from tests.cluster.faults import WITHIN, ClusterFaults
from tests.cluster.mesh import ClusterMesh
from tests.cluster.network import Network

BROKERS: Final = 3
ROUTERS: Final = 2
EDGES: Final = 3


async def run(plan: Plan, *, handling: str = "pause_minority") -> Report:
    """Run a campaign. `handling`: what RabbitMQ does in a partition."""
    rng = random.Random(plan.seed)
    report = Report(Ledger(), WITHIN)
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kull-cluster-")))
        network = stack.enter_context(Network(BROKERS + ROUTERS + EDGES + 1))
        hosts = iter(network.hosts)
        brokers = BrokerCluster([next(hosts) for _ in range(BROKERS)], handling=handling)
        await asyncio.to_thread(brokers.__enter__)
        stack.callback(brokers.close)
        routers = [next(hosts) for _ in range(ROUTERS)]
        edges = [next(hosts) for _ in range(EDGES)]
        database = Database(next(hosts))
        stack.callback(database.close)
        await asyncio.to_thread(database.start)
        mesh = ClusterMesh(
            routers=routers,
            edges=edges,
            amqp_url=brokers.url,
            database_url=database.url,
            folder=folder,
        )
        stack.callback(mesh.stop)
        await asyncio.to_thread(mesh.start)
        balancer = await stack.enter_async_context(Balancer(mesh.addresses, rng))
        users = [f"user-{number}" for number in range(plan.users)]
        producer = Producer(
            report.ledger,
            users=users,
            amqp_url=brokers.url,
            folder=folder,
            interval=plan.interval,
        )
        stack.push_async_callback(producer.kill)
        url = f"ws://127.0.0.1:{balancer.port}/ws"
        fleet = Fleet(report.ledger, url=url, users=users, per_user=plan.per_user)
        faults = ClusterFaults(
            network,
            brokers=brokers,
            mesh=mesh,
            routers=routers,
            edges=edges,
            database=database.host,
            rng=rng,
        )
        await Campaign(plan, fleet, producer, faults, report, rng).run()
    return report
