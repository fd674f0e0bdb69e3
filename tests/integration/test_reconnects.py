"""What a device costs that is back before anybody has noticed that it was gone."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.device import device, token
from tests.support.mesh import Mesh

pytestmark = pytest.mark.rabbitmq

SETTLED = 1.0  # seconds without a write, after which none is expected: cursors wait for 0.1


async def test_a_reconnect_within_the_grace_writes_nothing(amqp_url: str, tmp_path: Path) -> None:
    mesh = Mesh(amqp_url, tmp_path, edges=1, KULL_PRESENCE_GRACE="30", KULL_TRIM_INTERVAL="3600")
    access = token("maya", "mac")

    async def connect() -> None:
        async with device(mesh.url(), access) as mac:
            assert (await mac.frame())["type"] == "JOINED"

    try:
        await asyncio.to_thread(mesh.start)
        await connect()
        (path,) = (tmp_path / "data").rglob("*.db")
        with closing(sqlite3.connect(path)) as database:

            def version() -> int:
                """It changes whenever anybody else has written to the file."""
                return int(database.execute("PRAGMA data_version").fetchone()[0])

            async def settled() -> int:
                before = version()
                async with asyncio.timeout(20):
                    while True:
                        # Nothing happening for a while is what is waited for.
                        await asyncio.sleep(SETTLED)
                        if (now := version()) == before:
                            return now
                        before = now

            before = await settled()
            for _ in range(3):
                await connect()
            assert await settled() == before

            async with device(mesh.url(), token("maya", "phone")) as phone:
                assert (await phone.frame())["type"] == "JOINED"
            assert await settled() != before, "a device that is new is written"
    finally:
        await asyncio.to_thread(mesh.stop)
