"""Routers and edges on hosts of their own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import grpc

from kull_protos.mesh.v1 import admin_pb2, admin_pb2_grpc
from tests.cluster.network import Host
from tests.support.device import SECRET
from tests.support.mesh import READY_WITHIN, Process

GRPC: Final = 7400
PORT: Final = 5000


class ClusterMesh:
    """A router or an edge on each host that is given for it."""

    def __init__(
        self,
        *,
        routers: Sequence[Host],
        edges: Sequence[Host],
        amqp_url: str,
        database_url: str,
        folder: Path,
    ) -> None:
        self._targets = [f"{host.address}:{GRPC}" for host in routers]
        common = {
            "KULL_TOKEN_SECRET": SECRET,
            "KULL_LOG_FORMAT": "json",
            "KULL_LOG_LEVEL": "info",
            "PYTHONDONTWRITEBYTECODE": "1",
            "KULL_AMQP_URL": amqp_url,
            "KULL_DATABASE_URL": database_url,
            "KULL_EDGE_ROUTERS": ",".join(self._targets),
        }
        self.routers = [
            Process(
                f"router-{number}",
                "router",
                {
                    **common,
                    "KULL_ROUTER_ID": f"router-{number}",
                    "KULL_GRPC_HOST": host.address,
                    "KULL_GRPC_PORT": str(GRPC),
                },
                folder,
                prefix=host.command(),
            )
            for number, host in enumerate(routers)
        ]
        self.edges = [
            Process(
                f"edge-{number}",
                "edge",
                {
                    **common,
                    "KULL_EDGE_NODE_ID": f"edge-{number}",
                    "KULL_EDGE_HOST": host.address,
                    "KULL_EDGE_PORT": str(PORT),
                },
                folder,
                prefix=host.command(),
            )
            for number, host in enumerate(edges)
        ]
        self.addresses = [(host.address, PORT) for host in edges]

    def start(self) -> None:
        """Start everything and wait until it is ready. Raises AssertionError with a log."""
        for process in [*self.routers, *self.edges]:
            process.start()
        for edge, (address, port) in zip(self.edges, self.addresses, strict=True):
            edge.wait_until_ready(f"http://{address}:{port}/readyz")
        deadline = time.monotonic() + READY_WITHIN
        while not self.whole():
            assert time.monotonic() < deadline, [router.log.read_text() for router in self.routers]
            time.sleep(0.2)

    def stop(self) -> None:
        """Stop everything, edges first."""
        with ExitStack() as stack:
            for process in [*self.routers, *self.edges]:
                stack.callback(process.stop)

    def owned(self) -> list[int]:
        """Return how many shards each router owns; -1: it does not answer, or lacks RabbitMQ."""
        return [self._owned(target) for target in self._targets]

    def whole(self) -> bool:
        """Whether all routers serve or stand by, with every edge, and every shard has an owner."""
        owned = self.owned()
        return min(owned) >= 0 and sum(owned) > 0

    async def until_whole(self, within: float) -> None:
        """Wait for that. Raises TimeoutError."""
        async with asyncio.timeout(within):
            while not await asyncio.to_thread(self.whole):
                await asyncio.sleep(0.2)

    def _owned(self, target: str) -> int:
        with grpc.insecure_channel(target) as channel:
            stub = admin_pb2_grpc.AdminServiceStub(channel)
            try:
                told: admin_pb2.ListNodesResponse = stub.ListNodes(
                    admin_pb2.ListNodesRequest(), timeout=2
                )
            except grpc.RpcError:
                return -1
        if not told.router.broker_connected or len(told.edges) < len(self.edges):
            return -1
        return len(told.router.owned)
