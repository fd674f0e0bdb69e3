"""Hostile devices: bytes for an edge's connections, beside a device that must not notice."""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from kull_edge.node import Edge
from kull_edge.socket.config import ConnectionConfig
from kull_edge.socket.connection import Connection
from tests.fuzz.mutate import Mutator
from tests.support.fake_router import FakeRouter
from tests.support.until import until
from tests.unit.edge.sockets import running, welcomed

UPGRADE = (
    b"GET /ws?token=maya:mac HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Protocol: kull.sync.v2\r\n\r\n"
)
CHECK_EVERY = 500  # inputs


def frame(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """Return a masked frame; the mask is zero, so that mistakes hit the text itself."""
    head = bytes([opcode | (0x80 if fin else 0)])
    if len(payload) < 126:
        length = bytes([0x80 | len(payload)])
    else:
        length = b"\xfe" + struct.pack(">H", len(payload))
    return head + length + b"\0\0\0\0" + payload


def text(**message: Any) -> bytes:
    return frame(1, json.dumps(message).encode())


PROGRESS = {"shootId": "s", "status": "queued", "processedCount": 0, "totalCount": 1}
FRAMES = [
    text(type="ACK", seq=1),
    text(type="ACK", seq=0, queue="all"),
    text(type="HELLO", token="maya:mac", epoch="e", after={"user": 1}),
    text(type="REFRESH", token="maya:mac", ref="r"),
    text(type="UPDATE_PROGRESS", payload={**PROGRESS, "provider": "p"}, ref=1),
    text(type="JOIN", queue="room:r", after=1, ref=1),
    text(type="JOIN", queue="room:r"),
    text(type="LEAVE", queue="room:r", ref="r"),
    text(type="TYPING", queue="room:r"),
    text(type="JOIN", queue="room:team:r", history=20),
    text(type="SEND", queue="room:r", event="COMMENT", data={"text": "hi"}, ref=2),
    text(type="LOGOUT", ref=2),
    text(type="SIGN_OUT", deviceId="phone", ref=2),
    frame(2, b"binary"),
    frame(1, b'{"type":"A', fin=False) + frame(0, b'CK","seq":1}'),
    frame(9, b"ping"),
    frame(10, b"pong"),
    frame(8, struct.pack(">H", 1000) + b"bye"),
    frame(1, b"x" * 300),
]
HEADS = [
    UPGRADE,
    UPGRADE.replace(b"?token=maya:mac", b"?token=maya:mac&epoch=e&after=user:12,all:7"),
    UPGRADE.replace(b"?token=maya:mac", b"?token=maya:mac&deviceId=mac&instance=i"),
    UPGRADE.replace(b"kull.sync.v2", b"kull.sync.v2, kull.token.maya"),
    b"GET /livez HTTP/1.1\r\n\r\n",
    b"POST /ws HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
]


class Wire(asyncio.Transport):
    """A transport without a socket: keeps nothing, and closes when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = False

    def write(self, data: Any) -> None:
        pass

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True

    close = abort

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.closed = True

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


@dataclass(slots=True)
class Report:
    """What came of it."""

    inputs: int = 0
    bytes: int = 0
    opened: int = 0
    checks: int = 0
    slowest_check: float = 0.0
    left_over: int = 0
    errors: list[str] = field(default_factory=list)


async def fuzz(inputs: int, seed: int, told: Callable[[str], None] = lambda _: None) -> Report:
    """Feed inputs to an edge; every 500 a well-behaved device must be answered."""
    heads, frames = Mutator(HEADS, seed), Mutator(FRAMES, seed + 1)
    report = Report()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: report.errors.append(str(context)))
    router = FakeRouter()
    async with running(router, max_message=4096) as edge:
        async with welcomed(edge, "otto:mac") as witness:
            for number in range(inputs):
                _one(edge, heads, frames, report)
                if number % CHECK_EVERY == 0:
                    began = loop.time()
                    async with asyncio.timeout(10):
                        await (await witness.socket.ping())
                    report.slowest_check = max(report.slowest_check, loop.time() - began)
                    for link in edge._links:
                        await link.flush()
                    # It keeps what it was asked and told, for other tests.
                    router.requests.clear()
                    router.world.logs.clear()
                    report.checks += 1
                    told(f"websocket: {number} of {inputs}")
            await until(lambda: edge.session_count <= 1, seconds=30)
            report.left_over = len(edge._connections) - 1
    return report


def _one(edge: Edge, heads: Mutator, frames: Mutator, report: Report) -> None:
    rng = heads.rng
    connection = Connection(
        edge,
        ConnectionConfig(
            max_message=4096, compression=rng.random() < 0.1, message_rate=0, byte_rate=0
        ),
        write_limit=1_048_576,
    )
    connection.connection_made(cast(asyncio.BaseTransport, Wire()))
    head = UPGRADE if rng.random() < 0.7 else heads.draw()
    data = head + b"".join(frames.draw() for _ in range(rng.randrange(4)))
    report.inputs += 1
    report.bytes += len(data)
    try:
        at = 0
        while at < len(data):
            size = rng.choice((1, 7, 100, len(data)))
            connection.data_received(data[at : at + size])
            at += size
        report.opened += connection.is_websocket
        connection.eof_received()
    except Exception as error:
        report.errors.append(f"{error!r} for {data!r}")
    connection.connection_lost(None)
