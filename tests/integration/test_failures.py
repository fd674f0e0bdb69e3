"""What devices and operators notice when parts of a running mesh die or are misused."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from kull_producers import connect
from tests.support.device import device, token
from tests.support.mesh import Mesh
from tests.support.ports import free_port
from tests.support.rabbitmq import RabbitMQ
from tests.support.until import until

pytestmark = pytest.mark.rabbitmq


@pytest.fixture
def own_mesh(amqp_url: str, tmp_path: Path) -> Iterator[Mesh]:
    """A mesh that a test may break."""
    running = Mesh(amqp_url, tmp_path, KULL_ALLOW_PLAIN_TOKENS="1")
    try:
        running.start()
        yield running
    finally:
        running.stop()


async def credit(url: str, user: str, balance: int) -> None:
    async with connect(url) as publisher:
        await publisher.credit_update(user_id=user, new_balance=balance, change=1, reason="Test")


async def test_a_client_of_the_seed_protocol_works_without_acknowledging(own_mesh: Mesh) -> None:
    user = f"maya-{uuid4().hex[:8]}"
    async with device(own_mesh.url(0), f"{user}:phone-1", plain=True) as phone:
        await credit(own_mesh.amqp_url, user, 500)
        event = await phone.event()
        assert event["type"] == "CREDIT_UPDATE"
        assert {"data", "timestamp", "deviceId", "userId"} <= event.keys()
        async with device(own_mesh.url(1), user, plain=True) as tab:
            await phone.send(
                type="UPDATE_PROGRESS",
                payload={
                    "shootId": "shoot_456",
                    "status": "processing",
                    "processedCount": 15,
                    "totalCount": 100,
                    "provider": "Local",
                },
            )
            assert (await tab.event())["data"]["processedCount"] == 15
    await credit(own_mesh.amqp_url, user, 501)
    async with device(own_mesh.url(0), f"{user}:phone-1", plain=True) as phone:
        # A pong was its acknowledgement: 500 is not repeated, 501 was kept for it.
        assert (await phone.event())["data"]["newBalance"] == 501


async def test_a_router_restart_closes_no_websocket_and_loses_nothing(own_mesh: Mesh) -> None:
    async with (
        device(own_mesh.url(0), token("maya", "mac")) as mac,
        device(own_mesh.url(1), token("maya", "phone")) as phone,
    ):
        await credit(own_mesh.amqp_url, "maya", 1)
        for each in (mac, phone):
            await each.ack(await each.event())

        own_mesh.router.stop(signal.SIGKILL)
        await credit(own_mesh.amqp_url, "maya", 2)
        own_mesh.router.start()

        for each in (mac, phone):
            event = await each.event()
            assert event["data"]["newBalance"] == 2
            await each.ack(event)
        await credit(own_mesh.amqp_url, "maya", 3)
        for each in (mac, phone):
            assert (await each.event())["data"]["newBalance"] == 3


async def test_devices_of_a_killed_edge_continue_on_another(own_mesh: Mesh) -> None:
    async with device(own_mesh.url(0), token("maya", "mac")) as mac:
        await credit(own_mesh.amqp_url, "maya", 1)
        await mac.event()  # seen, but never acknowledged

        await asyncio.to_thread(own_mesh.edges[0].stop, signal.SIGKILL)
        await credit(own_mesh.amqp_url, "maya", 2)

        async with device(own_mesh.url(1), token("maya", "mac")) as again:
            assert [(await again.event())["data"]["newBalance"] for _ in "12"] == [1, 2]


async def test_sigterm_ends_every_role_cleanly(own_mesh: Mesh) -> None:
    async with device(own_mesh.url(0), token("maya", "mac")) as mac:
        exit_code = await asyncio.to_thread(own_mesh.edges[0].stop)
        code, _ = await mac.close_code()

    assert exit_code == 0
    assert code == 4000
    assert any(frame["type"] == "RECONNECT" for frame in mac.seen)
    assert await asyncio.to_thread(own_mesh.router.stop) == 0


async def test_a_router_tells_its_metrics(own_mesh: Mesh) -> None:
    port = free_port()
    own_mesh.router.stop()
    own_mesh.router.env["KULL_METRICS_PORT"] = str(port)
    own_mesh.router.start()
    await asyncio.to_thread(own_mesh.wait_until_ready)
    async with device(own_mesh.url(0), token("maya", "mac")) as mac, httpx.AsyncClient() as http:
        await credit(own_mesh.amqp_url, "maya", 1)
        await mac.event()
        metrics = (await http.get(f"http://127.0.0.1:{port}/metrics")).text

    assert "kull_router_sessions 1.0" in metrics
    assert 'kull_router_events_total{outcome="stored",type="CREDIT_UPDATE"}' in metrics
    assert "kull_router_owned_shards 16.0" in metrics


async def test_a_drained_edge_sends_its_devices_elsewhere_and_stops(own_mesh: Mesh) -> None:
    async with device(own_mesh.url(0), token("maya", "mac")) as mac:
        told = await asyncio.to_thread(kull, own_mesh, "drain", "edge-0")
        code, _ = await mac.close_code()

    assert "1 sessions move" in told
    assert code == 4000
    assert await asyncio.to_thread(own_mesh.edges[0].wait) == 0
    async with device(own_mesh.url(1), token("maya", "mac")):
        nodes = await asyncio.to_thread(kull, own_mesh, "nodes")
    assert "edge-1" in nodes
    assert "edge-0" not in nodes


async def test_a_drained_router_stops_and_closes_no_websocket(own_mesh: Mesh) -> None:
    async with device(own_mesh.url(0), token("maya", "mac")) as mac:
        await asyncio.to_thread(kull, own_mesh, "drain", "router-0")
        assert await asyncio.to_thread(own_mesh.router.wait) == 0
        own_mesh.router.start()
        await credit(own_mesh.amqp_url, "maya", 1)
        assert (await mac.event())["data"]["newBalance"] == 1


def kull(mesh: Mesh, *arguments: str) -> str:
    """Run an operator's command and return what it prints."""
    result = subprocess.run(
        [sys.executable, "-m", "kull_mesh", *arguments, "--routers", mesh.grpc],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.usefixtures("rabbitmq_server")
async def test_a_router_waits_for_rabbitmq_and_says_so(tmp_path: Path) -> None:
    broker = RabbitMQ()
    mesh = Mesh(broker.url, tmp_path, edges=1)
    try:
        mesh.router.start()
        mesh.edges[0].start()
        await until(lambda: "waiting_for_rabbitmq" in mesh.router.log.read_text(), seconds=30)
        await asyncio.to_thread(broker.start)
        await asyncio.to_thread(mesh.wait_until_ready)
        async with device(mesh.url(0), token("maya", "mac")) as mac:
            await credit(broker.url, "maya", 1)
            assert (await mac.event())["data"]["newBalance"] == 1
    finally:
        mesh.stop()
        await asyncio.to_thread(broker.close)


async def test_another_shard_count_stops_the_router_with_a_clear_message(own_mesh: Mesh) -> None:
    own_mesh.router.stop()
    own_mesh.router.env["KULL_SHARD_COUNT"] = "8"
    own_mesh.router.start()

    assert await asyncio.to_thread(own_mesh.router.wait) == 1

    assert "was created with 16 shards, but 8 are configured" in own_mesh.router.log.read_text()


@pytest.mark.parametrize("role", ["router", "edge"])
async def test_a_port_in_use_is_one_clear_line(own_mesh: Mesh, tmp_path: Path, role: str) -> None:
    (tmp_path / "second").mkdir()
    with Mesh(own_mesh.amqp_url, tmp_path / "second") as second:
        if role == "router":
            process = second.router
            process.env["KULL_GRPC_PORT"] = own_mesh.grpc.rpartition(":")[2]
        else:
            process = second.edges[0]
            process.env["KULL_EDGE_PORT"] = str(own_mesh.ports[0])
        process.start()

        assert await asyncio.to_thread(process.wait) == 1

    lines = process.log.read_text().splitlines()
    assert "Traceback" not in "".join(lines)
    assert "is another" in lines[-1] or "in use" in lines[-1]
