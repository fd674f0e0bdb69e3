"""An edge as a whole: how it starts, and how it goes away."""

from __future__ import annotations

import asyncio
import gc
import json

import pytest
from websockets.asyncio.client import connect

from kull_edge.errors import CannotListen
from kull_edge.node import Edge
from kull_edge.settings import EdgeSettings
from tests.support.fake_router import FakeRouter
from tests.unit.edge.hubs import MAYA
from tests.unit.edge.sockets import (
    RAW_UPGRADE,
    V2,
    running,
    welcomed,
)


async def test_a_port_in_use_is_a_clear_error() -> None:
    async with running(FakeRouter()) as edge:
        with pytest.raises(CannotListen, match=rf"{edge.port}.*KULL_EDGE_PORT"):
            async with Edge(EdgeSettings(port=edge.port), links=[]):
                pass


async def test_stopping_sends_devices_elsewhere_and_leaves_nothing_behind() -> None:
    router = FakeRouter()
    async with running(router, ack_delay=5) as edge:
        connecting = connect(f"{edge.url}?token=maya:mac", subprotocols=[V2], compression=None)
        device = await connecting
        await device.recv()
        await device.recv()
        router.publish(MAYA)
        await device.recv()
        await device.send('{"type":"ACK","seq":1}')
        await device.send('{"type":"UPDATE_PROGRESS","payload":{"shootId":"s"}}')
        await device.recv()
        url = edge.url
    reconnect = json.loads(await device.recv())
    assert reconnect["type"] == "RECONNECT"
    assert 0 <= reconnect["data"]["after"] < 1000
    await device.wait_closed()
    assert device.close_code == 4000
    # The acknowledgement that was still collected has been flushed, the session unsubscribed.
    # Its own progress, which it did not get, counts as acknowledged with it.
    assert router.cursor("maya", "mac") == 2
    kinds = [request.WhichOneof("frame") for request in router.requests]
    assert kinds.count("unsubscribe") == 2
    with pytest.raises(OSError, match="Connect call failed"):
        await connect(url)


async def test_a_device_that_does_not_answer_the_close_does_not_hold_up_the_stop() -> None:
    router = FakeRouter()
    async with running(router, close_timeout=0.1) as edge:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        writer.write(RAW_UPGRADE)
        await reader.readuntil(b"WELCOME")
    writer.close()


async def test_closed_connections_leave_no_state() -> None:
    router = FakeRouter()
    async with running(router) as edge:
        for _ in range(20):
            async with welcomed(edge, "maya"):
                pass
        await router.until(lambda: not router.attached)
        gc.collect()
        assert edge.session_count == 0
        assert edge._hub.queue_count == 0
        assert edge._hub.next_at is None or len(edge._hub._timers) <= 1


async def test_only_a_token_that_a_router_took_keeps_a_connection_from_being_cut() -> None:
    async with running(FakeRouter(), handshakes=2) as edge, welcomed(edge, "maya") as device:
        strangers = []
        for _ in range(2):
            stranger = await connect(edge.url, subprotocols=[V2], compression=None)
            await stranger.send("garbage")
            assert json.loads(await stranger.recv())["type"] == "ERROR"
            strangers.append(stranger)
        async with connect(edge.url, subprotocols=[V2], compression=None):
            async with asyncio.timeout(5):
                await strangers[0].wait_closed()
            assert strangers[0].close_code == 1006, "cut, as the oldest without a token"
            async with asyncio.timeout(5):
                await (await device.socket.ping())
        await strangers[1].close()
