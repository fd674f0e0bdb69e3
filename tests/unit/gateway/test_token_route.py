from __future__ import annotations

from typing import Any

import jwt
import pytest

from kull_gateway import (
    Minter,
    SigningKey,
    service_token,
)
from kull_producers.testing import InMemoryPublisher
from tests.unit.gateway.calls import DEVICE_SECRET, SECRET, TOKEN_PATH, calling


async def test_a_minted_token_says_what_was_asked(publisher: InMemoryPublisher) -> None:
    minter = Minter(
        SigningKey.shared(DEVICE_SECRET), audience="kull", issuer="app", now=lambda: 2_000_000_000
    )
    asked = {
        "userId": "user_123",
        "deviceId": "mac-1",
        "deviceName": "Maya's Mac",
        "platform": "macos",
        "rooms": ["shoot-1"],
        "rights": [],
        "ttl": 60,
    }
    async with calling(publisher, minter=minter) as client:
        answer = await client.post(TOKEN_PATH, json=asked)

    body = answer.json()
    claims = jwt.decode(
        body["token"],
        DEVICE_SECRET,
        algorithms=["HS256"],
        audience="kull",
        issuer="app",
        options={"verify_iat": False},
    )
    assert answer.headers["cache-control"] == "no-store"
    assert body["expiresAt"] == 2_000_000_060_000
    assert claims.pop("jti")
    assert claims == {
        "sub": "user_123",
        "device": "mac-1",
        "name": "Maya's Mac",
        "platform": "macos",
        "rooms": ["shoot-1"],
        "rights": [],
        "aud": "kull",
        "iss": "app",
        "iat": 2_000_000_000,
        "exp": 2_000_000_060,
    }


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({}, "userId"),
        ({"userId": ""}, "userId"),
        ({"userId": 7}, "userId"),
        ({"userId": "a\nb"}, "userId"),
        ({"userId": "ü" * 100}, "at most 128"),
        ({"userId": "a", "deviceName": "x" * 65}, "deviceName"),
        ({"userId": "a", "rooms": ["x"] * 33}, "rooms"),
        ({"userId": "a", "rooms": {"x": ["write"]}}, "rooms.x: the rights lack 'read'"),
        ({"userId": "a", "rooms": {"x": ["admin"]}}, "rooms"),
        ({"userId": "a", "ttl": 0}, "ttl"),
        ({"userId": "a", "ttl": 10**9}, "ttl must be at most"),
        ({"userId": "a", "admin": True}, "admin"),
    ],
)
async def test_a_wrong_wish_for_a_token_is_422_and_named(
    publisher: InMemoryPublisher, asked: dict[str, Any], why: str
) -> None:
    async with calling(publisher, minter=Minter(SigningKey.shared(DEVICE_SECRET))) as client:
        answer = await client.post(TOKEN_PATH, json=asked)

    assert answer.status_code == 422
    assert why in answer.json()["detail"]


async def test_a_minted_token_may_say_what_it_may_do_in_each_room(
    publisher: InMemoryPublisher,
) -> None:
    rooms = {"shoot-1": ["read", "write", "presence"], "team": ["read"]}
    async with calling(publisher, minter=Minter(SigningKey.shared(DEVICE_SECRET))) as client:
        answer = await client.post(TOKEN_PATH, json={"userId": "maya", "rooms": rooms})

    claims = jwt.decode(answer.json()["token"], DEVICE_SECRET, algorithms=["HS256"])
    assert claims["rooms"] == rooms


async def test_minting_needs_its_scope(publisher: InMemoryPublisher) -> None:
    headers = {"Authorization": f"Bearer {service_token(SECRET)}"}
    async with calling(publisher, minter=Minter(SigningKey.shared(DEVICE_SECRET))) as client:
        answer = await client.post(TOKEN_PATH, json={"userId": "a"}, headers=headers)

    assert answer.status_code == 403
    assert "token:mint" in answer.json()["detail"]
