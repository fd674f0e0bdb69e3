"""A device that sends too much is slowed or closed, and harms nobody else."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import struct
import zlib
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection

from tests.support.fake_router import FakeRouter
from tests.unit.edge.sockets import (
    RAW_UPGRADE,
    count,
    round_trip,
    running,
    welcomed,
)


async def test_a_flood_from_one_device_is_slowed_and_does_not_slow_the_others() -> None:
    frame = json.dumps({"type": "ACK", "seq": 0})
    async with running(FakeRouter(), message_rate=500.0, message_burst=500.0) as edge:
        async with welcomed(edge, "maya:mac") as loud, welcomed(edge, "otto:mac") as quiet:
            calm = sorted([await round_trip(quiet) for _ in range(30)])
            flood = asyncio.create_task(pour(loud.socket, frame), name="flood")
            busy = sorted([await round_trip(quiet) for _ in range(30)])
            told = await loud.frame()
            flood.cancel()
            await asyncio.gather(flood, return_exceptions=True)
            throttled = count(edge, "throttled")
            loud.socket.transport.abort()  # its goodbye would wait behind its flood

    print(
        f"\nround trip of a quiet device, median of 30: {1e3 * calm[15]:.2f} ms alone, "
        f"{1e3 * busy[15]:.2f} ms beside a flood"
    )
    assert told["data"]["code"] == "rate_limited"
    assert throttled >= 1
    assert busy[15] < 0.5  # a machine may be slow, but a flood must not stop it


async def pour(socket: ClientConnection, frame: str) -> None:
    while True:
        await socket.send(frame)


async def test_a_flood_within_one_read_is_taken_in_slices_and_nothing_is_lost() -> None:
    router = FakeRouter()
    async with running(router, message_rate=2000.0, message_burst=100.0) as edge:
        async with welcomed(edge, "maya:mac") as device:
            raw = device.socket.transport
            text = json.dumps({"type": "NOPE"}).encode()
            masked = b"\x81" + bytes([0x80 | len(text)]) + b"\0\0\0\0" + text
            raw.write(masked * 90 + b"\x89\x80\0\0\0\0" * 900)
            codes = [(await device.frame())["data"]["code"] for _ in range(91)]

    assert codes.count("unknown_type") == 90
    assert codes.count("rate_limited") == 1


def deflated(size: int) -> bytes:
    """A masked frame of a few KB that inflates to `size` bytes."""
    squeeze = zlib.compressobj(wbits=-12)
    data = (squeeze.compress(b"\0" * size) + squeeze.flush(zlib.Z_SYNC_FLUSH))[:-4]
    length = (
        b"\xfe" + struct.pack(">H", len(data)) if len(data) > 125 else bytes([0x80 | len(data)])
    )
    return b"\xc1" + length + b"\0\0\0\0" + data


async def test_a_zip_bomb_is_refused_before_it_is_large() -> None:
    upgrade = RAW_UPGRADE.replace(
        b"\r\n\r\n", b"\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    )
    async with running(FakeRouter(), compression=True) as edge:
        async with welcomed(edge, "otto:mac") as other:
            reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
            writer.write(upgrade)
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"permessage-deflate" in head
            bomb = deflated(50 * 2**20)
            assert len(bomb) < 65_536
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            writer.write(bomb)
            async with asyncio.timeout(30):
                rest = await reader.read()
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            assert struct.pack(">H", 1009) in rest
            assert count(edge, "closes", code="1009") == 1
            assert grown < 20 * 1024  # KB
            assert await round_trip(other) < 5
            writer.close()
            await writer.wait_closed()


async def test_a_peer_that_floods_and_reads_nothing_is_cut() -> None:
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    unlimited: dict[str, Any] = {
        "message_rate": 0.0,
        "byte_rate": 0.0,
    }  # else it would be slowed before
    async with running(FakeRouter(), window_bytes=1024, write_high=1024, **unlimited) as edge:
        narrow.connect(("127.0.0.1", edge.port))
        reader, writer = await asyncio.open_connection(sock=narrow, limit=1024)
        writer.write(RAW_UPGRADE)
        await reader.readuntil(b"WELCOME")
        ping = b"\x89\xfd" + bytes(4) + bytes(125)  # each wants a pong
        async with asyncio.timeout(20):
            with pytest.raises(OSError, match=r"reset|Broken pipe|lost"):
                while True:
                    writer.write(ping * 100)
                    await writer.drain()
        writer.close()
