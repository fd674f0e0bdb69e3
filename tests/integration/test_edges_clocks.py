"""Edges whose wall clocks are a minute apart."""

from __future__ import annotations

import asyncio
import json
import time
from functools import partial
from pathlib import Path

from websockets.asyncio.client import connect

from tests.integration.test_front_door import LIMIT, V2, device_token, opened


def wrong_ms(ahead_ms: int) -> int:
    """What a wrong clock shows."""
    return time.time_ns() // 1_000_000 + ahead_ms


async def test_a_phone_that_hops_between_edges_whose_clocks_are_a_minute_apart_is_never_refused(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, edges=3) as mesh:
        for edge, ahead_ms in zip(mesh.edges, (0, 60_000, -60_000), strict=True):
            edge._hub._wall_ms = partial(wrong_ms, ahead_ms)
        signed = device_token(device="phone")
        before = None
        for hop in range(10):
            url = f"{mesh.edges[hop % 3].url}?token={signed}"
            phone = await connect(url, subprotocols=[V2])
            async with asyncio.timeout(LIMIT):
                welcome = json.loads(await phone.recv())
                assert welcome["type"] == "WELCOME", welcome
                left = welcome["data"]["expiresAt"] - welcome["timestamp"]
                assert 590_000 < left <= 601_000, "told by one clock"
                if before:
                    await before.wait_closed()
                    assert before.close_code == 4503
            before = phone
        assert before
        await before.close()
