"""Limits of a running edge, on real sockets: each is answered, and harms nobody else."""

from __future__ import annotations

import asyncio
import json
import resource
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from kull_edge.node import Edge
from tests.support.fake_router import FakeRouter
from tests.unit.edge.sockets import Peer, peer, running, welcomed
from tests.unit.edge.test_connection import RAW_UPGRADE, get, http

PROGRESS = {"type": "UPDATE_PROGRESS", "payload": {"shootId": "s"}}
COUNTED: dict[str, Any] = {"unlimited": ""}  # loopback is counted like any other address


def count(edge: Edge, name: str, **labels: str) -> float:
    return edge.metrics.registry.get_sample_value(f"kull_edge_{name}_total", labels) or 0.0


async def turned_away(edge: Edge, query: str = "?token=maya", **options: Any) -> InvalidStatus:
    with pytest.raises(InvalidStatus) as caught:
        async with peer(edge, query, **options):
            pass
    return caught.value


async def round_trip(device: Peer) -> float:
    """Return the seconds of a ping and its pong."""
    began = time.perf_counter()
    async with asyncio.timeout(30):
        await (await device.socket.ping())
    return time.perf_counter() - began


async def test_a_foreign_page_cannot_open_a_websocket() -> None:
    async with running(FakeRouter(), origins="https://app.example.com") as edge:
        foreign = await turned_away(edge, origin="https://evil.com")
        assert foreign.response.status_code == 403
        assert b"KULL_ORIGINS" in foreign.response.body
        for page in (None, "https://app.example.com", f"http://127.0.0.1:{edge.port}"):
            async with peer(edge, "?token=maya", origin=page):
                pass
        assert count(edge, "refused", why="origin") == 1


async def test_a_name_that_was_pointed_at_us_opens_no_websocket_without_a_token() -> None:
    async with running(FakeRouter()) as edge:
        rebound = get("/ws?token=maya").replace(
            "Host: x", f"Host: evil.com:{edge.port}\r\nOrigin: http://evil.com:{edge.port}"
        )
        upgrade = RAW_UPGRADE.decode().split("\r\n", 2)[2]
        answer = await http(edge, rebound.rstrip() + "\r\n" + upgrade)

    assert answer.startswith("HTTP/1.1 403 ")


async def test_one_address_gets_its_share_of_connections() -> None:
    async with running(FakeRouter(), connections_per_address=1, **COUNTED) as edge:
        async with welcomed(edge, "maya:mac"):
            refused = await turned_away(edge)
            assert refused.response.status_code == 429
            assert refused.response.headers["Retry-After"] == "30"
        async with asyncio.timeout(30):
            while edge.session_count:
                await asyncio.sleep(0.01)
        async with welcomed(edge, "maya:phone"):
            assert count(edge, "refused", why="connections") == 1


async def test_one_address_gets_its_share_of_attempts_and_is_told_when_to_come_back() -> None:
    async with (
        running(FakeRouter(), attempts_per_address=0.01, attempts_burst=1, **COUNTED) as edge,
        welcomed(edge, "maya:mac"),
    ):
        refused = await turned_away(edge)

    assert refused.response.status_code == 429
    assert 90 <= int(refused.response.headers["Retry-After"]) <= 100


async def test_a_long_query_is_refused() -> None:
    async with running(FakeRouter()) as edge:
        assert "414" in (await http(edge, get(f"/ws?token={'x' * 9000}")))[:15]
        assert count(edge, "refused", why="query") == 1


async def test_progress_above_the_rate_is_answered_and_the_rest_goes_on() -> None:
    router = FakeRouter()
    async with running(router, publish_rate=0.01, publish_burst=1) as edge:
        async with welcomed(edge, "maya:mac") as device:
            await device.send(**PROGRESS, ref=1)
            await device.send(**PROGRESS, ref=2)

            answers = {frame["data"].get("ref"): frame for frame in await device.frames(2)}

    assert answers[1]["type"] == "ACCEPTED"
    assert answers[2]["data"]["code"] == "rate_limited"
    assert "wait" in answers[2]["data"]["message"]


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


@contextmanager
def many_files(wanted: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"needs {wanted} open files, this machine allows {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_ten_thousand_half_open_handshakes_keep_nobody_out() -> None:
    half = b"GET /ws?token=maya HTTP/1.1\r\n"
    with many_files(12_000):
        async with running(FakeRouter(), handshake_timeout=60.0, handshakes=500) as edge:
            writers = []
            try:
                for number in range(10_000):
                    _, writer = await asyncio.open_connection("127.0.0.1", edge.port)
                    writer.write(half)
                    writers.append(writer)
                    if number % 1000 == 999:
                        async with welcomed(edge, "maya:mac") as device:
                            assert await round_trip(device) < 5
                assert count(edge, "refused", why="handshakes") >= 9_000
            finally:
                for writer in writers:
                    writer.transport.abort()


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
