"""A machine whose clock is eight days ahead for some seconds loses nothing of devices away."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection

from kull_gateway.auth import service_token
from kull_mesh.up import LocalMesh
from kull_router.queues.sql.sqlite import SqliteStore
from tests.integration.test_front_door import KEYS, device, device_token, message_of, opened

EIGHT_DAYS = 8 * 86_400


class WrongClock:
    """What stands for `time` where the router asks for the wall clock."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def time_ns(self) -> int:
        return time.time_ns() + int(self.ahead * 1e9)


async def give(mesh: LocalMesh, balance: int) -> None:
    token = service_token(KEYS.service)
    credit = {"userId": "maya", "newBalance": balance, "change": 1, "reason": "Gift"}
    async with httpx.AsyncClient(base_url=mesh.http_url) as client:
        answer = await client.post(
            "/api/sync/credit-update",
            json=credit,
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.status_code == 202, answer.text


async def balances(mac: ClientConnection, count: int) -> list[int]:
    found: list[int] = []
    while len(found) < count:
        message = await message_of(mac, "CREDIT_UPDATE")
        found.append(message["data"]["newBalance"])
        await mac.send(json.dumps({"type": "ACK", "seq": message["seq"]}))
    return found


async def test_eight_days_ahead_for_some_seconds_and_a_start_purge_no_credit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULL_TRIM_INTERVAL", "0.2")
    clock, trims = WrongClock(), [0]
    monkeypatch.setattr("kull_router.clock.time", SimpleNamespace(time_ns=clock.time_ns))
    trim = SqliteStore.trim

    async def counted(self: SqliteStore, now_ms: int) -> int:
        removed = await trim(self, now_ms)
        trims[0] += 1
        return removed

    async def trimmed() -> None:
        before = trims[0]
        async with asyncio.timeout(20):
            while trims[0] < before + 3:
                await asyncio.sleep(0.05)

    monkeypatch.setattr(SqliteStore, "trim", counted)
    signed: Any = device_token(device="mac", ttl=600)
    async with opened(tmp_path) as mesh:
        mac = await device(mesh.edges[0].url, signed)
        await give(mesh, 1)
        assert await balances(mac, 1) == [1]
        await mac.close()
        await give(mesh, 2)
        await give(mesh, 3)
        await trimmed()
        clock.ahead = EIGHT_DAYS
        await trimmed()
        clock.ahead = 0
        await trimmed()
    clock.ahead = EIGHT_DAYS
    async with opened(tmp_path) as mesh:
        await trimmed()
        clock.ahead = 0
        mac = await device(mesh.edges[0].url, signed)
        assert await balances(mac, 2) == [2, 3]
        await mac.close()
