"""Router and edges as real processes, for integration tests."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Self

import grpc

from kull_producers.contract.shard import DEFAULT_SHARD_COUNT
from kull_protos.mesh.v1 import admin_pb2, admin_pb2_grpc
from tests.support import freezing
from tests.support.device import SECRET
from tests.support.http import ask
from tests.support.ports import free_port
from tests.support.processes import kill_tree

READY_WITHIN = 30.0  # seconds


class Process:
    """One process with its log in a file."""

    def __init__(
        self,
        name: str,
        role: str,
        env: dict[str, str],
        logs: Path,
        *options: str,
        python: str = sys.executable,
        prefix: Sequence[str] = (),
    ) -> None:
        """`prefix`: what runs a command where this process is to be."""
        self.name, self.env = name, env
        self._command = [*prefix, python, "-m", "kull_mesh", role, *options]
        self.log = logs / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; its log goes on at the end of the file."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env={**os.environ, **self.env},
                stdout=log,
                stderr=log,
            )

    def wait_until_ready(self, url: str) -> None:
        """Wait for a 200 from its `/readyz`."""
        deadline = time.monotonic() + READY_WITHIN
        while True:
            with suppress(OSError):
                if ask(url, seconds=2).status == 200:
                    return
            if time.monotonic() > deadline or not self.alive:
                raise AssertionError(f"{self.name} is not ready:\n{self.log.read_text()[-4000:]}")
            time.sleep(0.05)

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The running process."""
        assert self._process is not None, f"{self.name} is not running"
        return self._process.pid

    def wait(self, within: float = READY_WITHIN) -> int:
        """Wait for it to end by itself and return its exit code."""
        assert self._process is not None
        return self._process.wait(within)

    def send(self, number: signal.Signals) -> None:
        """Send a signal and do not wait."""
        assert self._process is not None
        self._process.send_signal(number)

    def freeze(self) -> None:
        """Stop it as a frozen host would; it keeps its connections."""
        freezing.freeze(self.pid)

    def thaw(self) -> None:
        """Let it go on."""
        freezing.thaw(self.pid)

    def stop(self, number: signal.Signals = signal.SIGTERM, *, within: float = 10.0) -> int:
        """Send a signal and return the exit code. Raises TimeoutExpired after `within` seconds."""
        if self._process is None:
            return 0
        self._process.send_signal(number)
        try:
            return self._process.wait(within)
        finally:
            if self._process.poll() is None:
                kill_tree(self._process.pid)
                self._process.wait()


class Mesh:
    """Routers and edges on a real RabbitMQ: one router on SQLite, or several on a database."""

    def __init__(
        self,
        amqp_url: str,
        folder: Path,
        *,
        edges: int = 2,
        workers: int = 1,
        routers: int = 1,
        database_url: str = "",
        python: str = sys.executable,
        **settings: str,
    ) -> None:
        self.amqp_url = amqp_url
        self._python = python
        self._folder = folder
        self._workers = workers
        self._common = {
            "KULL_TOKEN_SECRET": SECRET,
            "KULL_LOG_FORMAT": "json",
            "PYTHONDONTWRITEBYTECODE": "1",
            "KULL_PRESENCE_GRACE": "0.2",
            "KULL_PROBE_INTERVAL": "0.2",
            "KULL_CURSOR_FLUSH": "0.1",
            **settings,
        }
        grpc_ports = [free_port() for _ in range(routers)]
        self.grpc = ",".join(f"127.0.0.1:{port}" for port in grpc_ports)
        store = (
            {"KULL_DATABASE_URL": database_url}
            if database_url
            else {"KULL_DATA": str(folder / "data")}
        )
        self.routers = [self._router(number, port, store) for number, port in enumerate(grpc_ports)]
        self.router = self.routers[0]
        self.ports = [free_port() for _ in range(edges)]
        self.edges = [self._edge(number, port) for number, port in enumerate(self.ports)]

    def _router(self, number: int, port: int, store: dict[str, str]) -> Process:
        name = f"router-{number}"
        own = {
            "KULL_AMQP_URL": self.amqp_url,
            "KULL_ROUTER_ID": name,
            "KULL_GRPC_PORT": str(port),
        }
        env = {**self._common, **store, **own}
        return Process(name, "router", env, self._folder, python=self._python)

    def _edge(self, number: int, port: int) -> Process:
        name = f"edge-{number}"
        own = {
            "KULL_EDGE_NODE_ID": name,
            "KULL_EDGE_PORT": str(port),
            "KULL_EDGE_ROUTERS": self.grpc,
        }
        option = f"--workers={self._workers}"
        env = {**self._common, **own}
        return Process(name, "edge", env, self._folder, option, python=self._python)

    def url(self, edge: int = 0) -> str:
        """Return the WebSocket address of an edge."""
        return f"ws://127.0.0.1:{self.ports[edge]}/ws"

    def start(self) -> None:
        """Start everything, and wait until it is ready and one router owns every shard."""
        first, *others = self.routers
        for process in [first, *self.edges]:
            process.start()
        self.wait_until_ready()
        for router in others:  # started together, they would share the shards by chance
            router.start()
        deadline = time.monotonic() + READY_WITHIN
        while not all(self.stands_by(number + 1) for number in range(len(others))):
            assert time.monotonic() < deadline, "the other routers do not stand by"
            time.sleep(0.05)

    def stands_by(self, router: int) -> bool:
        """Whether a router could take over: it has RabbitMQ and every edge."""
        nodes = self.nodes(router)
        return (
            nodes is not None
            and nodes.router.broker_connected
            and len(nodes.edges) == len(self.edges) * self._workers
        )

    def wait_until_ready(self) -> None:
        """Wait until every edge has routers that own shards."""
        for edge, port in zip(self.edges, self.ports, strict=True):
            edge.wait_until_ready(f"http://127.0.0.1:{port}/readyz")

    def stop(self) -> None:
        """Stop everything, edges first, also when one of them does not stop as it should."""
        with ExitStack() as stack:
            for process in [*self.routers[::-1], *self.edges[::-1]]:
                stack.callback(process.stop)

    def __enter__(self) -> Self:
        """Start nothing, and stop whatever was started."""
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def owned(self, router: int) -> int:
        """Return how many shards a router owns, 0 when it does not answer."""
        nodes = self.nodes(router)
        return len(nodes.router.owned) if nodes else 0

    def nodes(self, router: int) -> admin_pb2.ListNodesResponse | None:
        """Return what a router says of itself and its edges, None when it does not answer."""
        target = self.grpc.split(",")[router]
        with grpc.insecure_channel(target) as channel:
            stub = admin_pb2_grpc.AdminServiceStub(channel)
            try:
                answer: admin_pb2.ListNodesResponse = stub.ListNodes(
                    admin_pb2.ListNodesRequest(), timeout=2
                )
            except grpc.RpcError:
                return None
        return answer

    async def active_router(self) -> int:
        """Return the router that owns shards, once one owns them all. Raises TimeoutError."""
        async with asyncio.timeout(20):
            while True:
                for number in range(len(self.routers)):
                    if await asyncio.to_thread(self.owned, number) == DEFAULT_SHARD_COUNT:
                        return number
                await asyncio.sleep(0.05)

    @contextmanager
    def admin(self) -> Iterator[admin_pb2_grpc.AdminServiceStub]:
        """Open the first router's admin service."""
        with grpc.insecure_channel(self.grpc.split(",")[0]) as channel:
            yield admin_pb2_grpc.AdminServiceStub(channel)
