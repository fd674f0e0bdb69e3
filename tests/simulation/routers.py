"""A router: the real core and gRPC service over simulated streams, broker and database."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any, cast

import grpc

from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.clock import Clock
from kull_router.core import RouterCore
from kull_router.delivery.session_key import SessionKey
from kull_router.queues.port import DeviceInfo
from kull_router.rpc.edge_service import EdgeService
from kull_router.sessions.registry import Registered, Registry
from kull_router.settings import RouterSettings
from tests.simulation.amqp_clients import SimBroker
from tests.simulation.database import Database
from tests.simulation.ledger import Ledger
from tests.simulation.loop import Process
from tests.simulation.network import End, Listener, Lost, Network
from tests.simulation.rabbit import Rabbit
from tests.simulation.rosters import RoomVerifier, RosterCheck


class RouterNode:
    """One router by name: processes come and go."""

    def __init__(
        self,
        settings: RouterSettings,
        *,
        net: Network,
        rabbit: Rabbit,
        database: Database,
        ledger: Ledger,
        rosters: RosterCheck,
        rng: random.Random,
    ) -> None:
        self._rosters = rosters
        self.name = settings.router_id
        self.listener = Listener(self.name)
        self.process = Process(self.name)
        self.core: RouterCore | None = None
        self.broker: SimBroker | None = None
        self._life: asyncio.Task[None] | None = None
        self._settings = settings
        self._net, self._rabbit, self._database, self._rng = net, rabbit, database, rng
        self._ledger = ledger
        self.clock_error = 0.0  # seconds that its wall clock is ahead

    def start(self) -> Process:
        """Start a process."""
        self.process = self.listener.process = Process(self.name)
        self.core = self.broker = self._life = None
        self.process.start(self._run(self.process), "life")
        return self.process

    async def _run(self, process: Process) -> None:
        broker = self.broker = SimBroker(self._rabbit, process)
        loop = asyncio.get_running_loop()
        core = self.core = RouterCore(
            self._settings,
            broker=broker,
            store=self._database.client(),
            verifier=RoomVerifier(),
            clock=Clock(
                wall_ms=lambda: wall_ms(loop, self.clock_error),
                random=random.Random(self._rng.getrandbits(64)),
            ),
        )
        _watch(core.sessions.registry, self._ledger)
        self._rosters.watch(core)
        service = EdgeService(core)
        self._handlers: set[asyncio.Task[None]] = set()
        self.listener.accept = lambda end: self._accept(process, service, end)
        life = self._life = process.start(core.run(), "core")
        await asyncio.wait({life})
        if not life.cancelled():
            life.result()

    def _accept(self, process: Process, service: EdgeService, end: End) -> None:
        context = _Context(end)
        handler = process.start(service.Attach(_requests(end), cast("Any", context)), "edge")
        self._handlers.add(handler)
        # gRPC cancels the handler of a stream that has broken, and ends that of one that returns.
        end.on_lost = handler.cancel

        def ended(_: object) -> None:
            end.close()
            self._handlers.discard(handler)
            if not handler.cancelled() and handler.exception():
                self._ledger.blame(f"a stream of {self.name} ended by {handler.exception()!r}")

        handler.add_done_callback(ended)

    async def stop(self) -> None:
        """Stop in order, as `node.Router` does."""
        core, broker = self.core, self.broker
        if core is None or broker is None or self._life is None:
            return
        await core.aclose()
        await asyncio.sleep(0.1)
        await broker.aclose()


def _watch(registry: Registry, ledger: Ledger) -> None:
    """Let the ledger see whose session stands for a device."""
    register = registry.register

    def watched(key: SessionKey, info: DeviceInfo, **options: Any) -> Registered:
        before = registry._users.get(info.user, {}).get(info.device)
        registered = register(key, info, **options)
        ledger.registered(info, before, registered.presence)
        return registered

    registry.register = watched  # type: ignore[method-assign]


def wall_ms(loop: asyncio.AbstractEventLoop, error: float = 0.0) -> int:
    """Return the milliseconds since the Unix epoch, by a clock that is ahead by `error` seconds."""
    return 1_800_000_000_000 + int((loop.time() + error) * 1000)


async def _requests(end: End) -> AsyncIterator[pb.AttachRequests]:
    try:
        while True:
            yield await end.receive()
    except Lost:
        return


class _Context:
    """What EdgeService needs of gRPC's context."""

    def __init__(self, end: End) -> None:
        self._end = end

    def auth_context(self) -> dict[str, list[bytes]]:
        return {}  # no certificates

    async def write(self, message: pb.AttachResponses) -> None:
        try:
            for frame in message.frames:
                await self._end.send(frame, frame.ByteSize())
        except Lost:
            await asyncio.Event().wait()  # gRPC cancels the handler

    async def abort(self, _code: grpc.StatusCode, _why: str) -> None:
        self._end.close()
