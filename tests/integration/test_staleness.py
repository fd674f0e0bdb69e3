"""What a device hears while the edge that holds its connection has no router for it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from kull_producers import connect
from tests.support.device import Device, Frame, device, token
from tests.support.mesh import Mesh
from tests.support.tcp_proxy import TcpProxy

pytestmark = pytest.mark.rabbitmq

SOON = {"KULL_EDGE_STALE_AFTER": "1", "KULL_EDGE_AWAY_AFTER": "3"}


@asynccontextmanager
async def running(mesh: Mesh) -> AsyncIterator[Mesh]:
    try:
        await asyncio.to_thread(mesh.start)
        yield mesh
    finally:
        await asyncio.to_thread(mesh.stop)


async def publish(mesh: Mesh, balance: int) -> None:
    async with connect(mesh.amqp_url) as publisher:
        await publisher.credit_update(user_id="maya", new_balance=balance, change=1, reason="Test")


async def until(connected: Device, kind: str, queue: str = "user") -> Frame:
    """Return the first frame of a kind about the user's own queue."""
    while True:
        frame = await connected.frame()
        if frame["type"] == kind and frame["data"].get("queue", "user") == queue:
            return frame


async def test_a_device_is_told_when_the_only_router_is_gone_and_stays_until_it_is_back(
    amqp_url: str, tmp_path: Path
) -> None:
    async with (
        running(Mesh(amqp_url, tmp_path, edges=1, routers=1, workers=1, **SOON)) as mesh,
        device(mesh.url(), token("maya", "mac")) as mac,
        device(mesh.url(), token("maya", "phone"), plain=True) as phone,
    ):
        await asyncio.to_thread(mesh.router.stop, signal.SIGKILL)
        stale = await until(mac, "STALE")
        assert mac.welcome["timestamp"] <= stale["data"]["since"] < stale["timestamp"]
        await publish(mesh, 1)
        await asyncio.sleep(4)  # longer than a cut-off edge keeps its devices: this one is not
        mesh.router.start()

        await until(mac, "FRESH")
        assert (await mac.event())["data"]["newBalance"] == 1
        assert (await phone.event())["data"]["newBalance"] == 1
        heard = {frame["type"] for frame in mac.seen + phone.seen}
        assert "RECONNECT" not in heard
        assert {"STALE", "FRESH"}.isdisjoint(frame["type"] for frame in phone.seen)


@pytest.mark.postgres
async def test_devices_of_an_edge_that_alone_is_cut_off_from_the_owner_are_sent_elsewhere(
    amqp_url: str, database_url: str, tmp_path: Path
) -> None:
    mesh = Mesh(
        amqp_url, tmp_path, edges=2, routers=2, database_url=database_url, workers=1, **SOON
    )
    async with AsyncExitStack() as stack:
        ports = [int(target.rpartition(":")[2]) for target in mesh.grpc.split(",")]
        ways = [await stack.enter_async_context(TcpProxy("127.0.0.1", port)) for port in ports]
        routers = ",".join(f"127.0.0.1:{way.port}" for way in ways)
        mesh.edges[0].env["KULL_EDGE_ROUTERS"] = routers
        await stack.enter_async_context(running(mesh))
        active = await mesh.active_router()
        mac = await stack.enter_async_context(device(mesh.url(0), token("maya", "mac")))
        phone = await stack.enter_async_context(device(mesh.url(1), token("maya", "phone")))

        ways[active].cut(refuse=True)
        await publish(mesh, 1)

        assert (await phone.event())["data"]["newBalance"] == 1
        await until(mac, "STALE")
        await until(mac, "RECONNECT")
        assert (await mac.close_code())[0] == 4000
        assert "STALE" not in {frame["type"] for frame in phone.seen}
        async with device(mesh.url(1), token("maya", "mac")) as again:
            assert (await again.event())["data"]["newBalance"] == 1
