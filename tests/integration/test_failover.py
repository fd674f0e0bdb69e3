"""Two routers on one database: one serves, the other takes over, and no WebSocket closes."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from kull_producers import connect
from tests.support.device import Device, device, token
from tests.support.mesh import Mesh

pytestmark = [pytest.mark.rabbitmq, pytest.mark.postgres]


@pytest.fixture
def pair(amqp_url: str, database_url: str, tmp_path: Path) -> Iterator[Mesh]:
    """Two routers, two edges."""
    mesh = Mesh(amqp_url, tmp_path, routers=2, database_url=database_url)
    try:
        mesh.start()
        yield mesh
    finally:
        for router in mesh.routers:
            if router.alive:
                router.thaw()
        mesh.stop()


async def publish(mesh: Mesh, balance: int) -> None:
    async with connect(mesh.amqp_url) as publisher:
        await publisher.credit_update(user_id="maya", new_balance=balance, change=1, reason="Test")


async def got(devices: list[Device], balance: int) -> None:
    for each in devices:
        event = await each.event()
        assert event["data"]["newBalance"] == balance
        await each.ack(event)


@pytest.mark.parametrize(
    ("blow", "within"), [(signal.SIGKILL, 5.0), (signal.SIGSTOP, 30.0), (signal.SIGTERM, 5.0)]
)
async def test_the_standby_takes_over_and_nothing_is_lost(
    pair: Mesh, blow: signal.Signals, within: float
) -> None:
    active = await pair.active_router()
    async with (
        device(pair.url(0), token("maya", "mac")) as mac,
        device(pair.url(1), token("maya", "phone")) as phone,
    ):
        devices = [mac, phone]
        mac.patience = phone.patience = within + 10
        await publish(pair, 1)
        await got(devices, 1)

        begin = time.monotonic()
        pair.routers[active].send(blow)
        publishing = asyncio.create_task(publish(pair, 2))
        async with asyncio.timeout(within + 10):
            await got(devices, 2)
            await publishing
        took = time.monotonic() - begin

        assert await pair.active_router() == 1 - active
        await publish(pair, 3)
        await got(devices, 3)
    assert took < within, f"{took:.1f} s"


async def test_a_router_that_was_stopped_and_continued_disturbs_nobody(pair: Mesh) -> None:
    active = await pair.active_router()
    async with device(pair.url(0), token("maya", "mac")) as mac:
        mac.patience = 40
        await publish(pair, 1)
        await got([mac], 1)
        pair.routers[active].freeze()
        await publish(pair, 2)
        async with asyncio.timeout(40):
            await got([mac], 2)

        pair.routers[active].thaw()

        for balance in range(3, 20):
            await publish(pair, balance)
            await got([mac], balance)
