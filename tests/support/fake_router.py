"""A minimal but correct router behind memory links: logs, positions, takeover, terms, faults.

It believes tokens (`user[:device]`) and keeps everything it stored; several may share one `World`.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from kull_edge.link.memory import MemoryListener, MemoryStream, StreamClosed
from kull_protos.mesh.v1 import attach_pb2 as pb

SHARDS = 4


@dataclass(eq=False)
class World:
    """What survives a router: the logs, the cursors and the terms."""

    epoch: str = "epoch-1"
    logs: dict[str, list[pb.Entry]] = field(default_factory=dict)
    cursors: dict[tuple[str, str], int] = field(default_factory=dict)  # (address, device) -> seq
    terms: dict[int, int] = field(default_factory=dict)
    counter: int = 0

    def log(self, address: str) -> list[pb.Entry]:
        return self.logs.setdefault(address, [])


@dataclass(eq=False)
class Attached:
    """One session that follows one queue."""

    stream: MemoryStream
    session_id: int
    address: str
    device: str


class FakeRouter:
    """Serves the links that knock at `listener`."""

    def __init__(self, world: World | None = None, *, router_id: str = "router-1") -> None:
        self.world = world or World()
        self.listener = MemoryListener()
        self.router_id = router_id
        self.streams: list[MemoryStream] = []
        self.attached: dict[tuple[int, str], Attached] = {}  # (session, address)
        self.owned: dict[int, int] = {}
        self.requests: list[pb.AttachRequest] = []
        self.refuse: Callable[[pb.Subscribe], pb.Refused | None] = lambda _: None
        self.silent = False  # answers nothing
        self.hold_batches: asyncio.Event | None = None
        self.changed = asyncio.Condition()

    # What tests do

    async def own(self, *shards: int) -> None:
        """Own these shards (all if none is named) under new terms, and nothing else."""
        self.owned = {}
        for shard in shards or range(SHARDS):
            self.world.terms[shard] = self.world.terms.get(shard, 0) + 1
            self.owned[shard] = self.world.terms[shard]
        self._announce()

    async def disown(self) -> None:
        """Lose every shard."""
        self.owned = {}
        self.attached.clear()
        self._announce()

    def store(
        self, address: str, *, kind: str = "CREDIT_UPDATE", exclude: str = "", size: int = 0
    ) -> pb.Entry:
        """Store an event without pushing it."""
        log = self.world.log(address)
        seq = len(log) + 1
        text = {"seq": seq, "id": f"id-{seq}", "type": kind, "data": {"pad": "x" * size}}
        if not address.startswith("user:"):
            text["queue"] = address
        entry = pb.Entry(
            seq=seq, message=json.dumps(text).encode(), exclude_device_id=exclude, type=kind
        )
        log.append(entry)
        return entry

    def push(self, address: str, *entries: pb.Entry) -> None:
        """Push entries to every stream with a session of the address."""
        shard = shard_of(address)
        push = pb.Push(address=address, shard=shard, term=self.owned.get(shard, 0), entries=entries)
        for stream in self._streams_of(address):
            stream.send(pb.AttachResponse(deliver=pb.Deliver(pushes=[push])))

    def publish(self, address: str, **options: object) -> pb.Entry:
        """Store an event and push it."""
        entry = self.store(address, **options)  # type: ignore[arg-type]
        self.push(address, entry)
        return entry

    def ephemeral(self, address: str, text: str) -> None:
        """Push what is not stored."""
        self.push(address, pb.Entry(message=text.encode(), type="TYPING"))

    def gap(self, address: str) -> None:
        """Tell that pushes were dropped."""
        shard = shard_of(address)
        gap = pb.Gap(address=address, shard=shard, term=self.owned.get(shard, 0))
        for stream in self._streams_of(address):
            stream.send(pb.AttachResponse(gap=gap))

    def evict(self, session_id: int, code: int, reason: str) -> None:
        """Close a session."""
        for stream in self.streams:
            evict = pb.Evict(session_id=session_id, close_code=code, reason=reason)
            stream.send(pb.AttachResponse(evict=evict))

    def cut(self) -> None:
        """End all streams; the links knock again."""
        for stream in list(self.streams):
            stream.close()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition on this router holds."""
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(condition)

    def cursor(self, user: str, device: str) -> int:
        return self.world.cursors.get((f"user:{user}", device), 0)

    # What it does

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[FakeRouter]:
        """Serve until the block ends."""
        async with asyncio.TaskGroup() as group:
            accept = group.create_task(self._accept(group), name="fake-router")
            try:
                yield self
            finally:
                accept.cancel()
                self.cut()

    async def _accept(self, group: asyncio.TaskGroup) -> None:
        while True:
            stream = await self.listener.accept()
            group.create_task(self._serve(stream), name="fake-router-stream")

    async def _serve(self, stream: MemoryStream) -> None:
        try:
            assert (await stream.receive()).WhichOneof("frame") == "hello"
            self.streams.append(stream)
            welcome = pb.Welcome(
                router_id=self.router_id,
                shard_count=SHARDS,
                epoch=self.world.epoch,
                fetch_credits=2,
            )
            stream.send(pb.AttachResponse(welcome=welcome))
            stream.send(self._shards())
            while True:
                request = await stream.receive()
                await self._handle(stream, request)
                async with self.changed:
                    self.requests.append(request)
                    self.changed.notify_all()
        except StreamClosed:
            pass
        finally:
            if stream in self.streams:
                self.streams.remove(stream)
            self.attached = {k: v for k, v in self.attached.items() if v.stream is not stream}

    async def _handle(self, stream: MemoryStream, request: pb.AttachRequest) -> None:
        match request.WhichOneof("frame"):
            case "subscribe" if not self.silent:
                self._subscribe(stream, request.subscribe)
            case "unsubscribe":
                key = (request.unsubscribe.session_id, request.unsubscribe.address)
                self.attached.pop(key, None)
            case "acks":
                for ack in request.acks.acks:
                    if attached := self.attached.get((ack.session_id, ack.address)):
                        self._advance(ack.address, attached.device, ack.seq)
            case "fetch" if not self.silent:
                if self.hold_batches:
                    await self.hold_batches.wait()
                stream.send(pb.AttachResponse(batch=self._batch(request.fetch)))
            case "publish" if not self.silent:
                self._publish(stream, request.publish)
            case "logout":
                self.evict(request.logout.session_id, 4504, "logged out")
            case _:
                pass

    def _subscribe(self, stream: MemoryStream, request: pb.Subscribe) -> None:
        shard = shard_of(request.address)
        refused = self.refuse(request)
        if not refused and shard not in self.owned:
            refused = pb.Refused(reason="not the owner")
        if refused:
            refused.session_id, refused.address = request.session_id, request.address
            stream.send(pb.AttachResponse(refused=refused))
            return
        device = request.device.device_id
        self._evict_older(request, device)
        self.attached[request.session_id, request.address] = Attached(
            stream, request.session_id, request.address, device
        )
        stream.send(pb.AttachResponse(subscribed=self._subscribed(request, shard, device)))

    def _evict_older(self, request: pb.Subscribe, device: str) -> None:
        if not request.address.startswith("user:"):
            return
        for (session_id, address), older in list(self.attached.items()):
            same = address == request.address and older.device == device
            if same and session_id != request.session_id:
                self.evict(session_id, 4503, "this device has connected again")

    def _subscribed(self, request: pb.Subscribe, shard: int, device: str) -> pb.Subscribed:
        head = len(self.world.log(request.address))
        after, recovered = self.world.cursors.get((request.address, device), head), True
        if request.HasField("position"):
            recovered = request.position.epoch == self.world.epoch and request.position.seq <= head
            after = request.position.seq if recovered else head
        self.world.counter += 1
        generation = pb.Generation(term=self.owned[shard], counter=self.world.counter)
        if request.HasField("generation"):
            generation = request.generation
        return pb.Subscribed(
            session_id=request.session_id,
            address=request.address,
            shard=shard,
            term=self.owned[shard],
            epoch=self.world.epoch,
            head=head,
            after=after,
            recovered=recovered,
            generation=generation,
            device=request.device,
            devices=[request.device],
        )

    def _batch(self, fetch: pb.Fetch) -> pb.Batch:
        log = self.world.log(fetch.address)
        entries: list[pb.Entry] = []
        size = 0
        for entry in log[fetch.after : fetch.after + fetch.limit]:
            size += len(entry.message)
            if entries and size > fetch.max_bytes:
                break
            entries.append(entry)
        shard = shard_of(fetch.address)
        return pb.Batch(
            request_id=fetch.request_id,
            session_id=fetch.session_id,
            address=fetch.address,
            shard=shard,
            term=self.owned.get(shard, 0),
            entries=entries,
            through=entries[-1].seq if entries else len(log),
            head=len(log),
        )

    def _publish(self, stream: MemoryStream, request: pb.Publish) -> None:
        user = next(
            a for (s, a) in self.attached if s == request.session_id and a.startswith("user:")
        )
        device = self.attached[request.session_id, user].device
        published = pb.Published(request_id=request.request_id, session_id=request.session_id)
        if json.loads(request.payload).get("shootId"):
            entry = self.publish(user, kind="SHOOT_PROGRESS", exclude=device)
            published.event_id = f"id-{entry.seq}"
        else:
            published.error_code, published.error = "invalid_message", "shootId: is missing"
        stream.send(pb.AttachResponse(published=published))

    def _advance(self, address: str, device: str, seq: int) -> None:
        key = (address, device)
        self.world.cursors[key] = max(seq, self.world.cursors.get(key, 0))

    def _announce(self) -> None:
        for stream in self.streams:
            stream.send(self._shards())

    def _shards(self) -> pb.AttachResponse:
        shards = [pb.ShardTerm(shard=shard, term=term) for shard, term in self.owned.items()]
        return pb.AttachResponse(shards=pb.OwnedShards(shards=shards))

    def _streams_of(self, address: str) -> list[MemoryStream]:
        streams = [a.stream for (_, followed), a in self.attached.items() if followed == address]
        return list(dict.fromkeys(streams))


def shard_of(address: str) -> int:
    return zlib.crc32(address.encode()) % SHARDS
