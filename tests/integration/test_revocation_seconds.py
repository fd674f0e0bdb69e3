"""Tokens of whole seconds around a revocation, a log-out, and an issuer whose clock is ahead."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import jwt
from websockets.asyncio.client import ClientConnection, connect

from kull_mesh.up import LocalMesh
from tests.integration.test_front_door import KEYS, V2, closed, device, opened

LIMIT = 20.0  # seconds


def issued(device_id: str, *, ahead: float = 0, whole: bool = True) -> str:
    """A token as many issuers make it; `ahead`: seconds by which the issuer's clock is wrong."""
    now = time.time() + ahead
    claims = {"sub": "maya", "device": device_id, "exp": int(now) + 600}
    return jwt.encode(claims | {"iat": int(now) if whole else now}, KEYS.device)


async def kull_revoke(mesh: LocalMesh) -> str:
    """Take Maya's tokens back as an operator does, and return what the command says."""
    command = [
        *(sys.executable, "-m", "kull_mesh", "revoke", "--user", "maya"),
        *("--routers", mesh.router.grpc_address),
    ]
    run = partial(subprocess.run, command, capture_output=True, text=True, timeout=LIMIT)
    ran = await asyncio.to_thread(run)
    assert ran.returncode == 0, ran.stderr
    return str(ran.stdout)


async def refused(url: str, token: str) -> int | None:
    return await closed(await connect(f"{url}?token={token}", subprotocols=[V2]))


async def into_the_second(offset: float) -> None:
    """Wait until a second of the wall clock is so far gone."""
    await asyncio.sleep((offset - time.time()) % 1)


async def test_a_token_of_whole_seconds_issued_right_after_kull_revoke_is_accepted(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as mesh:
        url = mesh.edges[0].url
        stolen = issued("phone")
        thief = await device(url, stolen)
        for offset in (0.1, 0.5, 0.9):
            await into_the_second(offset)
            assert "revoked" in await kull_revoke(mesh)

            again = await device(url, issued("phone"))
            await again.close()
            assert await refused(url, stolen) == 4507
        assert await closed(thief) == 4507


async def test_a_token_of_whole_seconds_issued_right_after_a_log_out_is_accepted(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as mesh:
        url = mesh.edges[0].url
        for offset in (0.1, 0.5, 0.9):
            await into_the_second(offset)
            old = issued("mac")
            mac = await device(url, old)
            await mac.send(json.dumps({"type": "LOGOUT"}))
            assert await closed(mac) == 4504

            again = await device(url, issued("mac"))
            assert await refused(url, old) == 4507
            await again.close()


async def test_no_token_of_an_issuer_half_a_minute_ahead_survives_a_revocation(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as mesh:
        url = mesh.edges[0].url
        stolen = issued("phone", ahead=30)
        thief = await device(url, stolen)

        await kull_revoke(mesh)

        assert await closed(thief) == 4507
        assert await refused(url, stolen) == 4507
        again: ClientConnection = await device(url, issued("phone", ahead=30))
        await again.close()
