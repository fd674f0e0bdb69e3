"""A router between its ports for unit tests: twins on both sides, no sockets."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from kull_producers.events import topology
from kull_producers.events.envelope import messages_of
from kull_producers.events.event import Event
from kull_producers.events.message import Message
from kull_producers.events.models import CreditUpdate
from kull_producers.events.stamp import Stamp
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.access.tokens import TokenVerifier
from kull_router.broker.memory import MemoryBroker
from kull_router.broker.memory_server import MemoryServer
from kull_router.clock import Clock
from kull_router.core import RouterCore
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.errors import StoreUnavailable
from kull_router.queues.memory import MemoryState, MemoryStore
from kull_router.queues.port import Attachment, Outcome, Page
from kull_router.settings import RouterSettings
from tests.support.until import until

SHARDS = 4


class FailingStore(MemoryStore):
    """A store that is unavailable as long as `failing` is set; `forgetful` loses one answer.

    Attributes:
        unclaimable: nothing can be claimed as long as this is set.
        claims: how often that was tried, by whether it was possible.
    """

    unclaimable = False

    forgetful = False

    failing = False
    broken = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.claims = Counter[bool]()

    async def claim(self, shard: int, owner: str) -> int:
        self.claims[not self.unclaimable] += 1
        if self.unclaimable:
            raise StoreUnavailable("the database is down")
        return await super().claim(shard, owner)

    async def attach(self, *args: Any, **kwargs: Any) -> list[Attachment]:
        if self.broken:
            raise RuntimeError("a fault in the code")
        return await super().attach(*args, **kwargs)

    async def read(self, *args: Any, **kwargs: Any) -> Page:
        if self.broken:
            raise RuntimeError("a fault in the code")
        return await super().read(*args, **kwargs)

    async def append(self, *args: Any, **kwargs: Any) -> list[Outcome]:
        if self.failing:
            raise StoreUnavailable("the disk is full")
        outcomes = await super().append(*args, **kwargs)
        if self.forgetful:
            self.forgetful = False
            raise StoreUnavailable("the connection was lost during the commit")
        return outcomes


class Rig:
    """A running core, and an edge attached to it."""

    def __init__(self, core: RouterCore, broker: MemoryBroker, store: FailingStore) -> None:
        self.core, self.broker, self.store = core, broker, store
        self.edge = self.attach("edge-1")
        self._published = 0

    def attach(self, node_id: str) -> EdgeStream:
        return self.core.open_stream(pb.Hello(node_id=node_id))

    async def frame(self, kind: str, edge: EdgeStream | None = None) -> Any:
        """Return the next frame of a kind, skipping others."""
        async with asyncio.timeout(5):
            while True:
                (frame,) = await (edge or self.edge).next()
                if frame.WhichOneof("frame") == kind:
                    return getattr(frame, kind)

    async def owned(self, edge: EdgeStream | None = None) -> None:
        """Wait until the router has told that it owns every shard."""
        while len((await self.frame("shards", edge)).shards) < SHARDS:
            pass

    async def subscribe(
        self,
        session: int,
        access: str,
        *,
        address: str = "",
        edge: EdgeStream | None = None,
        **more: Any,
    ) -> Any:
        user, _, device = access.partition(":")
        request = pb.Subscribe(
            session_id=session,
            address=address or f"user:{user}",
            token=access,
            device=pb.Device(device_id=device or "web-1"),
            **more,
        )
        stream = edge or self.edge
        await self.core.receive(stream, pb.AttachRequest(subscribe=request))
        async with asyncio.timeout(5):
            while True:
                (frame,) = await stream.next()
                kind = frame.WhichOneof("frame")
                if kind in {"subscribed", "refused"}:
                    return getattr(frame, kind)

    async def fetch(self, session: int, address: str, after: int, limit: int = 100) -> Any:
        request = pb.Fetch(
            request_id=9,
            session_id=session,
            address=address,
            after=after,
            limit=limit,
            max_bytes=100_000,
        )
        await self.core.receive(self.edge, pb.AttachRequest(fetch=request))
        return await self.frame("batch")

    async def credits_of(self, user: str) -> list[pb.Entry]:
        """Fetch session 1's queue until credits are in it."""
        async with asyncio.timeout(5):
            while True:
                batch = await self.fetch(1, f"user:{user}", 0)
                if found := [entry for entry in batch.entries if entry.type == "CREDIT_UPDATE"]:
                    return found

    async def publish(self, event: Event, user: str, event_id: str = "") -> None:
        self._published += 1
        stamp = Stamp(
            id=event_id or f"event-{self._published}",
            timestamp_ms=1,
            run="rig",
            version=self._published,
        )
        about = None if isinstance(event, CreditUpdate) else user or None
        for message in messages_of(event, stamp, shard_count=SHARDS, user_id=about):
            await self.broker.publish(message)

    async def credit(self, user: str, balance: int, event_id: str = "") -> None:
        event = CreditUpdate(user_id=user, new_balance=balance, change=1, reason="Test")
        await self.publish(event, user, event_id)

    async def pushed(self, count: int, edge: EdgeStream | None = None) -> list[pb.Entry]:
        entries: list[pb.Entry] = []
        while len(entries) < count:
            for push in (await self.frame("deliver", edge)).pushes:
                entries.extend(push.entries)
        return entries

    async def dead(self) -> Message:
        queue = self.broker.server.queues[topology.DEAD]
        await until(lambda: queue.ready, every=0)
        return queue.ready.popleft().message


def balances(entries: list[pb.Entry]) -> list[tuple[int, int]]:
    frames = [json.loads(entry.message) for entry in entries]
    return [(frame["seq"], frame["data"]["newBalance"]) for frame in frames]


@asynccontextmanager
async def running(
    server: MemoryServer | None = None,
    state: MemoryState | None = None,
    *,
    verifier: TokenVerifier | None = None,
    clock: Clock | None = None,
    **more: Any,
) -> AsyncIterator[Rig]:
    more = {
        "presence_grace": 0.05,
        "probe_interval": 0.05,
        "cursor_flush": 0.05,
        "topology_interval": 0.05,
        **more,
    }
    settings = RouterSettings(shard_count=SHARDS, **more)
    broker = MemoryBroker(server)
    store = FailingStore(state, shard_count=SHARDS)
    core = RouterCore(
        settings,
        broker=broker,
        store=store,
        verifier=verifier or TokenVerifier(None, allow_plain=True),
        clock=clock,
    )
    life = asyncio.create_task(core.run(), name="core")
    rig = Rig(core, broker, store)
    try:
        await rig.owned()
        yield rig
    finally:
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
        await broker.aclose()
