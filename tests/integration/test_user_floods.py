"""Thirty devices of one user that ask as fast as they can; the others go on."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection

from kull_protos.mesh.v1 import attach_pb2 as pb
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.sessions.enforcement import Enforcement
from tests.integration.test_front_door import device, device_token, message_of, opened

DEVICES = 30
TIMES = 60


async def flood(socket_: ClientConnection, forged: str) -> int:
    """Ask again as soon as there is an answer; return how many PINGs were answered."""
    pongs = 0
    for n in range(TIMES):
        await socket_.send('{"type":"PING"}')
        await socket_.send(json.dumps({"type": "REFRESH", "token": forged, "ref": n}))
        while True:
            message = json.loads(await socket_.recv())
            pongs += message["type"] == "PONG"
            if message["type"] == "ERROR" and message["data"].get("ref") == n:
                break
    return pongs


async def test_few_of_a_users_thousands_of_refreshes_reach_the_router_and_others_are_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached: list[float] = []
    refresh = Enforcement.refresh

    def counted(self: Enforcement, stream: EdgeStream, request: pb.Refresh) -> None:
        reached.append(time.monotonic())
        refresh(self, stream, request)

    monkeypatch.setattr(Enforcement, "refresh", counted)
    async with opened(tmp_path) as mesh:
        url = mesh.edges[0].url
        sockets = [await device(url, device_token(device=f"d-{n}")) for n in range(DEVICES)]
        otto = await device(url, device_token("otto", device="mac"))
        forged = device_token(device="d-0")[:-8] + "AAAAAAAA"
        began = time.monotonic()
        pongs = await asyncio.gather(*(flood(each, forged) for each in sockets))
        lasted = time.monotonic() - began

        assert max(pongs) <= 20 + 2 * lasted + 1
        # 5 at once and one in two seconds for each device, whatever was sent.
        assert len(reached) <= min(DEVICES * (5 + lasted / 2 + 1), DEVICES * TIMES / 2)
        await otto.send(
            json.dumps({"type": "REFRESH", "token": device_token("otto", device="mac")})
        )
        await message_of(otto, "REFRESHED")
        for socket_ in (*sockets, otto):
            await socket_.close()
