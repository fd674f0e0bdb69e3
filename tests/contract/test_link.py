"""Both links keep the promises of their port: in memory, and over gRPC to a real server."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import grpc
import pytest

from kull_edge.link.grpc import GrpcLink
from kull_edge.link.memory import MemoryLink, MemoryListener, MemoryStream
from kull_edge.link.port import RouterLink
from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_protos.mesh.v1.attach_pb2_grpc import (
    EdgeServiceServicer,
    add_EdgeServiceServicer_to_server,
)

HELLO = pb.Hello(node_id="edge-1")
MAX_BYTES = 100_000


class Stream(Protocol):
    """The router's end of one stream."""

    async def receive(self) -> pb.AttachRequest: ...
    def send(self, response: pb.AttachResponse) -> None: ...
    def close(self) -> None: ...


class Router(Protocol):
    """The router's side, to be scripted by tests."""

    async def accept(self) -> Stream: ...


class GrpcStream:
    """One Attach call at the server."""

    def __init__(self, requests: Any) -> None:
        self._requests = requests
        self._frames: list[pb.AttachRequest] = []
        self.responses: asyncio.Queue[pb.AttachResponse | None] = asyncio.Queue()

    async def receive(self) -> pb.AttachRequest:
        if not self._frames:
            self._frames = list((await anext(self._requests)).frames)
        return self._frames.pop(0)

    def send(self, response: pb.AttachResponse) -> None:
        self.responses.put_nowait(response)

    def close(self) -> None:
        self.responses.put_nowait(None)


class Servicer(EdgeServiceServicer):
    """A tiny real gRPC service."""

    def __init__(self) -> None:
        self._streams: asyncio.Queue[GrpcStream] = asyncio.Queue()

    async def accept(self) -> Stream:
        return await self._streams.get()

    async def Attach(self, request_iterator: Any, context: Any) -> Any:
        stream = GrpcStream(request_iterator)
        self._streams.put_nowait(stream)
        while (response := await stream.responses.get()) is not None:
            yield pb.AttachResponses(frames=[response])


class Recorder:
    """A LinkListener that keeps what it is told."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()

    def link_up(self, link: str, welcome: pb.Welcome) -> None:
        self.events.put_nowait(("up", welcome))

    def link_heard(self, link: str, sent_us: int) -> None:
        self.heard = sent_us

    def link_frame(self, link: str, frame: pb.AttachResponse) -> None:
        self.events.put_nowait(("frame", frame))

    def link_down(self, link: str) -> None:
        self.events.put_nowait(("down", None))

    async def next(self) -> tuple[str, Any]:
        async with asyncio.timeout(10):
            return await self.events.get()


class Harness:
    """A running link, its router and its listener."""

    def __init__(self, link: RouterLink, router: Router) -> None:
        self.link, self.router = link, router
        self.heard = Recorder()

    async def open(self) -> Stream:
        """Take the link's next stream up to its Welcome."""
        async with asyncio.timeout(10):
            stream = await self.router.accept()
            assert (await stream.receive()).hello == HELLO
        stream.send(pb.AttachResponse(welcome=pb.Welcome(router_id="r")))
        assert (await self.heard.next())[0] == "up"
        return stream


class MemoryRouter:
    """The memory listener as a Router."""

    def __init__(self, listener: MemoryListener) -> None:
        self._listener = listener

    async def accept(self) -> MemoryStream:
        return await self._listener.accept()


@asynccontextmanager
async def memory() -> AsyncIterator[Harness]:
    listener = MemoryListener()
    link = MemoryLink(listener, HELLO, name="memory", max_bytes=MAX_BYTES)
    yield Harness(link, MemoryRouter(listener))


@asynccontextmanager
async def over_grpc() -> AsyncIterator[Harness]:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    servicer = Servicer()
    add_EdgeServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        link = GrpcLink(f"127.0.0.1:{port}", HELLO, rng=random.Random(1), max_bytes=MAX_BYTES)
        yield Harness(link, servicer)
    finally:
        await server.stop(0)


@pytest.fixture(params=[memory, over_grpc], ids=["memory", "grpc"])
async def harness(request: pytest.FixtureRequest) -> AsyncIterator[Harness]:
    async with request.param() as made:
        running = asyncio.create_task(made.link.run(made.heard), name="link under test")
        yield made
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def ack(seq: int, pad: int = 0) -> pb.AttachRequest:
    return pb.AttachRequest(acks=pb.Acks(acks=[pb.Ack(session_id=1, address="a" * pad, seq=seq)]))


async def test_frames_to_the_router_arrive_in_order(harness: Harness) -> None:
    stream = await harness.open()

    for seq in range(200):
        harness.link.send(ack(seq))

    async with asyncio.timeout(10):
        got = [(await stream.receive()).acks.acks[0].seq for _ in range(200)]
    assert got == list(range(200))


async def test_frames_from_the_router_arrive_in_order(harness: Harness) -> None:
    stream = await harness.open()

    for term in range(200):
        stream.send(pb.AttachResponse(gap=pb.Gap(address="all", term=term)))

    got = [(await harness.heard.next())[1].gap.term for _ in range(200)]
    assert got == list(range(200))


async def test_a_stream_that_ends_is_told_and_opened_again(harness: Harness) -> None:
    for _ in range(3):
        stream = await harness.open()
        stream.close()
        assert (await harness.heard.next())[0] == "down"


async def test_without_a_stream_frames_are_dropped(harness: Harness) -> None:
    stream = await harness.open()
    stream.close()
    assert (await harness.heard.next())[0] == "down"
    harness.link.send(ack(1))

    stream = await harness.open()
    harness.link.send(ack(2))

    async with asyncio.timeout(10):
        assert (await stream.receive()).acks.acks[0].seq == 2


async def test_a_router_that_does_not_keep_up_gets_a_new_stream(harness: Harness) -> None:
    await harness.open()

    for seq in range(30):  # it reads nothing; three megabytes are more than any buffer on the way
        harness.link.send(ack(seq, pad=MAX_BYTES // 10 * 9))

    assert (await harness.heard.next())[0] == "down"
    await harness.open()


async def test_flush_waits_until_everything_was_handed_over(harness: Harness) -> None:
    stream = await harness.open()
    for seq in range(50):
        harness.link.send(ack(seq))

    async def read() -> list[int]:
        return [(await stream.receive()).acks.acks[0].seq for _ in range(50)]

    async with asyncio.timeout(10):
        got, _ = await asyncio.gather(read(), harness.link.flush())
    assert got == list(range(50))


async def test_a_large_frame_goes_through(harness: Harness) -> None:
    stream = await harness.open()
    entry = pb.Entry(seq=1, message=b"x" * 1_000_000)

    stream.send(pb.AttachResponse(batch=pb.Batch(entries=[entry] * 6)))

    _, frame = await harness.heard.next()
    assert len(frame.batch.entries) == 6


async def test_cancelling_ends_the_stream(harness: Harness) -> None:
    await harness.open()
    again = asyncio.create_task(asyncio.sleep(0))
    await again
    for task in asyncio.all_tasks():
        if task.get_name() == "link under test":
            task.cancel()

    assert (await harness.heard.next())[0] == "down"
