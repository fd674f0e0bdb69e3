"""A person signs out a device of theirs: on the connection and over HTTP, and through failures."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from kull_client import Rejected, SyncClient
from kull_edge.link.channels import Channels
from kull_gateway.device_route import SignOutRefused
from kull_mesh.device_calls import RouterSignOut
from tests.integration.test_front_door import (
    LIMIT,
    V2,
    closed,
    device,
    device_token,
    message_of,
    opened,
)
from tests.support.ports import free_port


async def left(socket_: Any, device_id: str) -> None:
    """Wait until a device is told that another one is gone."""
    while (await message_of(socket_, "DEVICE_DISCONNECTED"))["data"]["deviceId"] != device_id:
        pass


async def test_a_device_that_another_one_signs_out_is_gone_on_all_edges(tmp_path: Path) -> None:
    async with opened(tmp_path, edges=2) as mesh:
        first, second = (edge.url for edge in mesh.edges)
        phones = device_token(device="phone")
        mac = await device(first, device_token(device="mac"))
        phone = await device(second, phones)
        tv = await device(second, device_token(device="tv"))

        await mac.send(json.dumps({"type": "SIGN_OUT", "deviceId": "phone", "ref": 1}))

        assert await closed(phone) == 4507
        async with asyncio.timeout(LIMIT):
            await left(tv, "phone")
            await message_of(mac, "ACCEPTED")
        again = await connect(f"{first}?token={phones}", subprotocols=[V2])
        assert await closed(again) == 4507
        known = await mesh.router.core.store.devices("maya")
        assert {each.info.device for each in known} == {"mac", "tv"}
        for each in (mac, tv):
            await each.close()

    async with opened(tmp_path) as mesh:  # another router, on the same store
        again = await connect(f"{mesh.edges[0].url}?token={phones}", subprotocols=[V2])
        assert await closed(again) == 4507
        back = await device(mesh.edges[0].url, device_token(device="phone"))
        await back.close()


async def test_the_python_client_signs_a_device_out_and_is_told_of_an_unknown_one(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path) as mesh:
        url = mesh.edges[0].url
        phone = await device(url, device_token(device="phone"))
        async with SyncClient(url, device_token(device="mac")) as client:
            await client.sign_out("phone")
            assert await closed(phone) == 4507
            with pytest.raises(Rejected, match="no such device"):
                await client.sign_out("fridge")


async def test_a_page_signs_a_device_out_over_http_with_its_own_token(tmp_path: Path) -> None:
    async with opened(tmp_path) as mesh, httpx.AsyncClient(base_url=mesh.http_url) as http:
        phone = await device(mesh.edges[0].url, device_token(device="phone"))

        async def ask(token: str, of: str = "phone") -> int:
            headers = {"Authorization": f"Bearer {token}"}
            answer = await http.delete(f"/api/sync/devices/{of}", headers=headers)
            return answer.status_code

        assert await ask(device_token(device="tv", rights=())) == 403
        assert await ask(device_token("otto", device="tv")) == 404
        assert await ask("no-token") == 401
        await phone.ping()
        assert await ask(device_token()) == 204

        assert await closed(phone) == 4507
        assert await ask(device_token()) == 204, "twice is as good as once"
        assert await ask(device_token(), "fridge") == 404


async def test_a_gateway_finds_the_router_that_answers_and_says_when_there_is_none(
    tmp_path: Path,
) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    async with opened(tmp_path) as mesh, Channels(None) as channels:
        phone = await device(mesh.edges[0].url, device_token(device="phone"))
        sign_out = RouterSignOut([nobody, mesh.router.grpc_address], channels)

        await sign_out(device_token(device="mac"), "phone")

        assert await closed(phone) == 4507
    async with Channels(None) as channels:
        with pytest.raises(SignOutRefused) as refused:
            await RouterSignOut([nobody], channels)(device_token(device="mac"), "phone")
    assert refused.value.code == "unavailable"
