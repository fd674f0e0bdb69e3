"""The demo page's mesh: a router here, edges as processes, and ways to break both.

The broker is in memory and outlives the router, as RabbitMQ would.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import structlog
from pydantic import SecretStr

from kull_mesh.errors import MeshError
from kull_mesh.play.ports import free_port
from kull_mesh.readiness import until
from kull_mesh.secrets import Keys
from kull_producers import Publisher
from kull_protos.common.hosts import authority
from kull_router.broker.memory import MemoryBroker
from kull_router.broker.memory_server import MemoryServer
from kull_router.node import Router
from kull_router.queues.sql.location import open_store
from kull_router.settings import RouterSettings

log = structlog.get_logger(__name__)

DOWN: Final = 3.0  # seconds that a killed edge or a stopped router stays away
READY: Final = 30.0  # seconds for a part to start


class EdgeProcess:
    """An edge that is killed without warning and started again on its port."""

    def __init__(self, name: str, host: str, router: str) -> None:
        self.name = name
        self.url = ""
        self._host, self._router = host, router
        self._port = 0
        self._process: asyncio.subprocess.Process | None = None

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Start it and wait until it listens. Raises MeshError."""
        self._port = self._port or free_port(self._host)
        self.url = f"ws://{self._host}:{self._port}/ws"
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "kull_mesh", "edge"),
            env={
                **os.environ,
                "KULL_EDGE_HOST": self._host,
                "KULL_EDGE_PORT": str(self._port),
                "KULL_EDGE_ROUTERS": self._router,
                "KULL_EDGE_NODE_ID": self.name,
                "KULL_LOG_LEVEL": "error",
            },
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(READY):
                while not await self._listens():
                    if not self.alive:
                        raise MeshError(f"{self.name} did not start: see what it logged")
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise MeshError(f"{self.name} did not listen within {READY:.0f} s") from None

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            return False
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        return True

    async def kill(self) -> None:
        """End it at once, as a power cut would. Idempotent."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()


class PlayMesh:
    """`async with PlayMesh(…) as mesh:` is a running mesh with two edges."""

    def __init__(self, *, keys: Keys, data: Path, host: str = "127.0.0.1", edges: int = 2) -> None:
        self.keys = keys
        self._data = data
        self._server = MemoryServer()
        self._stack = AsyncExitStack()
        self._settings = RouterSettings(
            grpc_host=host,
            grpc_port=free_port(host),
            data=data,
            database_url=None,  # one process, one file
            token_secret=SecretStr(keys.device),
        )
        self.edges = [
            EdgeProcess(f"edge-{number}", host, self.router_address)
            for number in range(1, edges + 1)
        ]
        self._router: Router | None = None
        self._breaking: set[asyncio.Task[None]] = set()
        self._busy: set[str] = set()

    @property
    def router_address(self) -> str:
        """Where the router is, host:port, also while it is away."""
        return authority(self._settings.grpc_host, self._settings.grpc_port)

    @property
    def router_ready(self) -> bool:
        """Whether the router runs and owns its shards."""
        return self._router is not None and self._router.ready

    def kill_edge(self, name: str) -> None:
        """Kill an edge; it is started again after a while. Raises KeyError for an unknown one."""
        edge = {each.name: each for each in self.edges}[name]

        async def away() -> None:
            await edge.kill()
            await asyncio.sleep(DOWN)
            await edge.start()

        self._break(name, away())

    def restart_router(self) -> None:
        """Stop the router; it is started again after a while."""

        async def away() -> None:
            await self._stop_router()
            await asyncio.sleep(DOWN)
            await self._start_router()

        self._break("router", away())

    def _break(self, what: str, away: Coroutine[Any, Any, None]) -> None:
        """Run one break of a part at a time."""
        if what in self._busy:
            away.close()
            return
        self._busy.add(what)
        task = asyncio.create_task(away, name=f"break-{what}")
        self._breaking.add(task)
        task.add_done_callback(lambda done: self._mended(what, done))

    def _mended(self, what: str, task: asyncio.Task[None]) -> None:
        self._busy.discard(what)
        self._breaking.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("not_mended", part=what, error=str(task.exception()))

    async def __aenter__(self) -> PlayMesh:
        """Start router, publisher and edges, in this order."""
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def _start(self) -> None:
        self._stack.push_async_callback(self._stop_router)
        router = await self._start_router()
        await until(lambda: router.ready, router.wait())
        transport = MemoryBroker(self._server).transport()
        shards = self._settings.shard_count
        self.publisher = Publisher(transport, shard_count=shards, app_id="kull-play")
        await self._stack.enter_async_context(self.publisher)
        self._stack.push_async_callback(self._stop_edges)
        await asyncio.gather(*(edge.start() for edge in self.edges))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop in the reverse order."""
        await self._stack.aclose()

    async def _stop_edges(self) -> None:
        for task in list(self._breaking):
            task.cancel()
        await asyncio.gather(*self._breaking, return_exceptions=True)
        await asyncio.gather(*(edge.kill() for edge in self.edges))

    async def _start_router(self) -> Router:
        self._data.mkdir(parents=True, exist_ok=True)
        store = await open_store(self._settings)
        router = Router(self._settings, broker=MemoryBroker(self._server), store=store)
        self._router = await router.__aenter__()
        return router

    async def _stop_router(self) -> None:
        router, self._router = self._router, None
        if router is not None:
            await router.__aexit__(None, None, None)
