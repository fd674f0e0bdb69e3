from __future__ import annotations

from collections.abc import Callable

import httpx
import jwt
import pytest

from kull_gateway import (
    Minter,
    SigningKey,
    open_auth,
    service_auth,
    service_token,
)
from kull_producers.testing import InMemoryPublisher
from tests.unit.gateway.calls import (
    CREDIT,
    CREDIT_PATH,
    DEVICE_SECRET,
    SECRET,
    SHOOT,
    TOKEN_PATH,
    calling,
    problem,
)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: "", "send `Authorization: Bearer"),
        (lambda: "Basic abc", "send `Authorization: Bearer"),
        (lambda: "Bearer nonsense", "is not valid here"),
        (lambda: f"Bearer {service_token('another-secret-of-32-bytes-or-more')}", "not valid here"),
        (lambda: f"Bearer {service_token(SECRET, now=0)}", "has expired"),
    ],
)
async def test_without_a_valid_service_token_it_is_401(
    client: httpx.AsyncClient, publisher: InMemoryPublisher, make: Callable[[], str], why: str
) -> None:
    answer = await client.post(CREDIT_PATH, json=CREDIT, headers={"Authorization": make()})

    assert why in problem(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"
    assert publisher.events == []


async def test_a_device_token_is_no_service_token(client: httpx.AsyncClient) -> None:

    device = jwt.encode({"sub": "user_123", "exp": 2**40}, SECRET, algorithm="HS256")
    answer = await client.post(
        CREDIT_PATH, json=CREDIT, headers={"Authorization": f"Bearer {device}"}
    )

    assert "kull-service" in problem(answer, 401)


async def test_an_unsigned_token_is_refused(client: httpx.AsyncClient) -> None:

    claims = {"sub": "x", "aud": "kull-service", "scope": "credit:write", "exp": 2**40}
    unsigned = jwt.encode(claims, None, algorithm="none")  # type: ignore[arg-type]
    answer = await client.post(
        CREDIT_PATH, json=CREDIT, headers={"Authorization": f"Bearer {unsigned}"}
    )

    problem(answer, 401)


async def test_a_missing_scope_is_403(client: httpx.AsyncClient) -> None:
    token = service_token(SECRET, scopes=["shoot:write", "credit:writes"])
    headers = {"Authorization": f"Bearer {token}"}

    answer = await client.post(CREDIT_PATH, json=CREDIT, headers=headers)
    assert "'credit:write'" in problem(answer, 403)
    assert (
        await client.post("/api/sync/shoot-progress", json=SHOOT, headers=headers)
    ).status_code == 202


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        service_auth("short")
    with pytest.raises(ValueError, match="at least 32 bytes"):
        service_token("short")


async def test_a_demo_lets_anyone_publish_but_nobody_mint(publisher: InMemoryPublisher) -> None:
    minter = Minter(SigningKey.shared(DEVICE_SECRET))
    async with calling(
        publisher, authorize=open_auth(service_auth(SECRET)), minter=minter
    ) as client:
        del client.headers["Authorization"]
        assert (await client.post(CREDIT_PATH, json=CREDIT)).status_code == 202
        assert (await client.post(TOKEN_PATH, json={"userId": "a"})).status_code == 401
