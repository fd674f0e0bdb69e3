"""Bad input gets a clear error, and nobody else notices."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import jwt
import pytest
from websockets.asyncio.client import connect as ws_connect
from websockets.exceptions import InvalidStatus

from kull_producers import InvalidEvent, connect
from tests.support.device import Device, device, token
from tests.support.mesh import Mesh

# One worker runs the whole module on one mesh.
pytestmark = [pytest.mark.rabbitmq, pytest.mark.xdist_group("bad-input")]

PROGRESS = {
    "shootId": "s",
    "status": "processing",
    "processedCount": 1,
    "totalCount": 2,
    "provider": "Local",
}


@asynccontextmanager
async def bystander(mesh: Mesh) -> AsyncIterator[None]:
    """Another user's device on the same edge, which must be served as if nothing happened."""
    user = f"otto-{uuid4().hex[:8]}"
    async with (
        device(mesh.url(0), token(user, "mac")) as other,
        connect(mesh.amqp_url) as publisher,
    ):
        yield
        await publisher.credit_update(user_id=user, new_balance=1, change=1, reason="Test")
        assert (await other.event())["data"]["newBalance"] == 1
        assert {frame["userId"] for frame in other.seen} <= {user, ""}


async def refused(mesh: Mesh, access: str, *, plain: bool = False) -> tuple[int, dict[str, Any]]:
    """Return the close code and the ERROR data that a connection with this token ends with."""
    async with (
        bystander(mesh),
        device(mesh.url(0), access, plain=plain, welcome=False) as failing,
    ):
        code, _ = await failing.close_code()
    errors = [frame for frame in failing.seen if frame["type"] == "ERROR"]
    assert [frame["type"] for frame in failing.seen] == ["ERROR"]
    return code, errors[0]["data"]


async def test_no_token(mesh: Mesh) -> None:
    code, error = await refused(mesh, "", plain=True)

    assert (code, error["code"]) == (4502, "no_token")


@pytest.mark.parametrize(
    ("access", "code", "name", "why"),
    [
        (
            jwt.encode({"sub": "maya", "exp": 9e9}, "x" * 40, "HS256"),
            4500,
            "bad_token",
            "signature",
        ),
        (token("maya", "mac", ttl=-10), 4501, "token_expired", "new one"),
        ("maya", 4500, "bad_token", "KULL_ALLOW_PLAIN_TOKENS"),
        ("maya:phone", 4500, "bad_token", "KULL_ALLOW_PLAIN_TOKENS"),
        (jwt.encode({"sub": "maya", "exp": 9e9}, "", "none"), 4500, "bad_token", "algorithm"),
        (token("u" * 300, "mac"), 4500, "bad_token", "100"),
        (token("maya", "d" * 300), 4500, "bad_token", "100"),
        ("a.b.c", 4500, "bad_token", "malformed"),
    ],
    ids=["signature", "expired", "plain", "plain-device", "none", "user-300", "device-300", "junk"],
)
@pytest.mark.parametrize("plain", [True, False], ids=["seed", "v2"])
async def test_a_token_that_is_not_valid(
    mesh: Mesh, access: str, code: int, name: str, why: str, plain: bool
) -> None:
    closed, error = await refused(mesh, access, plain=plain)

    assert (closed, error["code"]) == (code, name)
    assert why in error["message"]


async def test_a_wrong_path_is_not_found(mesh: Mesh) -> None:
    with pytest.raises(InvalidStatus) as caught:
        async with ws_connect(mesh.url(0) + "/elsewhere"):
            pass

    assert caught.value.response.status_code == 404


@pytest.mark.parametrize(
    ("text", "code", "why"),
    [
        ("{", "invalid_json", "JSON"),
        ("[]", "invalid_json", "object"),
        ('{"type":"NONSENSE"}', "unknown_type", "NONSENSE"),
        ('{"no":"type"}', "unknown_type", "type"),
        ('{"type":"ACK"}', "invalid_message", "seq"),
        ('{"type":"ACK","seq":"1"}', "invalid_message", "seq"),
        ('{"type":"ACK","seq":-1}', "invalid_message", "seq"),
        ('{"type":"ACK","seq":true}', "invalid_message", "seq"),
        ('{"type":"UPDATE_PROGRESS"}', "invalid_message", "payload"),
    ],
)
async def test_a_bad_message_is_answered_and_the_connection_goes_on(
    mesh: Mesh, text: str, code: str, why: str
) -> None:
    async with bystander(mesh), device(mesh.url(0), token("maya", "mac")) as mac:
        await mac.socket.send(text)

        error = await mac.event()
        assert (error["type"], error["data"]["code"]) == ("ERROR", code)
        assert why in error["data"]["message"]
        await still_works(mac)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"processedCount": -1}, "processedCount"),
        ({"processedCount": 3}, "processedCount"),
        ({"totalCount": "2"}, "totalCount"),
        ({"status": "paused"}, "status"),
        ({"provider": None}, "provider"),
        ({"shootId": ""}, "shootId"),
        ({"eta": -5}, "eta"),
        ({"surprise": 1}, "surprise"),
    ],
)
async def test_bad_progress_names_the_field(mesh: Mesh, change: dict[str, Any], field: str) -> None:
    async with bystander(mesh), device(mesh.url(0), token("maya", "mac")) as mac:
        await mac.send(type="UPDATE_PROGRESS", payload=PROGRESS | change, ref="r")

        error = await mac.event()
        assert (error["type"], error["data"]["code"]) == ("ERROR", "invalid_message")
        assert field in error["data"]["message"]
        assert error["data"]["ref"] == "r"
        await still_works(mac)


async def still_works(mac: Device) -> None:
    await mac.send(type="UPDATE_PROGRESS", payload=PROGRESS)
    assert (await mac.event())["type"] == "ACCEPTED"


async def test_a_binary_frame_closes_the_connection(mesh: Mesh) -> None:
    async with bystander(mesh), device(mesh.url(0), token("maya", "mac")) as mac:
        await mac.socket.send(b"\x00\x01")

        code, _ = await mac.close_code()

    assert code == 1003
    assert mac.seen[-1]["data"]["code"] == "binary_frame"


async def test_a_frame_over_the_limit_closes_the_connection(mesh: Mesh) -> None:
    async with bystander(mesh), device(mesh.url(0), token("maya", "mac")) as mac:
        await mac.socket.send(json.dumps({"type": "ACK", "seq": 1, "pad": "x" * 70_000}))

        code, _ = await mac.close_code()

    assert code == 1009


async def test_an_id_of_300_bytes_is_refused_before_it_is_published(mesh: Mesh) -> None:
    async with bystander(mesh), connect(mesh.amqp_url) as publisher:
        with pytest.raises(InvalidEvent, match="128"):
            await publisher.credit_update(user_id="u" * 300, new_balance=1, change=1, reason="Test")
