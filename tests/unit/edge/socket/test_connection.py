"""A connection moves bytes: what arrives, what is written, how it ends."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.support.fake_router import FakeRouter
from tests.unit.edge.hubs import MAYA
from tests.unit.edge.sockets import (
    RAW_UPGRADE,
    peer,
    running,
    welcomed,
)


async def test_binary_oversized_and_undecodable_frames_close_with_their_codes() -> None:
    async with running(FakeRouter()) as edge:
        async with welcomed(edge, "maya") as device:
            await device.socket.send(b"\x00")
            assert (await device.frame())["data"]["code"] == "binary_frame"
            assert await device.close_code() == 1003
        async with welcomed(edge, "maya") as device:
            await device.socket.send("x" * 65_537)
            assert await device.close_code() == 1009
        async with welcomed(edge, "maya") as device:
            await device.socket.send(["x" * 40_000, "x" * 40_000])
            assert await device.close_code() == 1009
        async with welcomed(edge, "maya") as device:
            await device.socket.send(b"\xff\xfe", text=True)
            assert await device.close_code() == 1007


async def test_a_message_in_fragments_is_one_message() -> None:
    async with running(FakeRouter()) as edge, welcomed(edge, "maya") as device:
        await device.socket.send(['{"type":"UPDATE_PROGRESS",', '"payload":{"shootId":"s"}}'])
        assert (await device.frame())["type"] == "ACCEPTED"


async def test_a_hello_whose_device_has_given_up_takes_nobodys_place() -> None:
    """It was held up in a stopped edge while the device connected elsewhere."""
    router = FakeRouter()
    async with running(router) as edge, welcomed(edge, "maya:mac") as elsewhere:
        asked = len(router.requests)
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        upgrade = RAW_UPGRADE.replace(b"?token=otto", b"")
        writer.write(
            upgrade.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Protocol: kull.sync.v2\r\n\r\n")
        )
        await reader.readuntil(b"\r\n\r\n")
        hello = b'{"type":"HELLO","token":"maya:mac"}'
        masked = b"\x81" + bytes([0x80 | len(hello)]) + b"\0\0\0\0" + hello
        writer.write(masked + b"\x88\x82\0\0\0\0" + (1000).to_bytes(2, "big"))

        assert (await reader.read(1))[0] == 0x88, "a close frame, and no WELCOME"

        writer.close()
        await writer.wait_closed()
        router.publish(MAYA)
        assert (await elsewhere.frame())["seq"] == 1
        assert len(router.requests) == asked


@pytest.mark.parametrize("window_bytes", [262_144, 2**30])
async def test_a_slow_reader_grows_no_memory_and_gets_everything_later(window_bytes: int) -> None:
    router = FakeRouter()
    events, size = 400, 20_000
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    async with running(
        router, ack_delay=0.01, window_messages=1000, window_bytes=window_bytes
    ) as edge:
        narrow.connect(("127.0.0.1", edge.port))
        # The slow one stops reading after one message.
        async with (
            peer(edge, "?token=maya:mac", max_queue=1, sock=narrow) as slow,
            welcomed(edge, "maya:phone") as quick,
        ):
            assert (await slow.frame())["type"] == "WELCOME"
            for seq in range(1, events + 1):
                router.publish(MAYA, size=size)
                assert (await quick.frame())["seq"] == seq
                await quick.send(type="ACK", seq=seq)
            buffered = [
                held._transport.get_write_buffer_size()
                for held in edge._connections.values()
                if held._transport
            ]
            assert max(buffered) <= 65_536 + 2 * size
            assert edge._hub.catching_up() == 1
            assert [f["seq"] for f in await slow.frames(events)] == list(range(1, events + 1))
