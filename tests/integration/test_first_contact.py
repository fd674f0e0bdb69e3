"""A device learns whether the router knows what it has."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kull_client import SyncClient
from kull_producers import connect
from tests.support.device import device, token
from tests.support.mesh import Mesh

pytestmark = pytest.mark.rabbitmq


async def test_a_device_is_new_until_it_acknowledges_and_again_when_its_position_has_expired(
    amqp_url: str, tmp_path: Path
) -> None:
    mesh = Mesh(
        amqp_url,
        tmp_path,
        edges=1,
        routers=1,
        KULL_KEEP_DEVICES_FOR="10",
        KULL_TRIM_INTERVAL="0.2",
    )
    access = token("maya", "mac")

    async def is_first() -> bool:
        async with device(mesh.url(), access) as mac:
            return bool(mac.welcome["data"]["first"])

    try:
        await asyncio.to_thread(mesh.start)
        async with (
            SyncClient(mesh.url(), access) as client,
            connect(amqp_url) as publisher,
        ):
            assert client.first_contact
            await publisher.credit_update(user_id="maya", new_balance=1, change=1, reason="Test")
            assert (await anext(client)).data["newBalance"] == 1
        assert not await is_first()
        async with asyncio.timeout(50):
            while not await is_first():
                await asyncio.sleep(11)  # away for longer than positions are kept
    finally:
        await asyncio.to_thread(mesh.stop)
