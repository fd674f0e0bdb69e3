"""The gateway's door: repeats, rates, pages, and tokens for devices."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kull_gateway import (
    Buckets,
    Minter,
    Origins,
    SigningKey,
    SigningKeyError,
    create_app,
    open_auth,
    service_auth,
    service_token,
)
from kull_gateway.auth import TOKEN_MINT
from kull_gateway.metrics import GatewayMetrics
from kull_gateway.origins import parse
from kull_producers.events import topology
from kull_producers.testing import InMemoryPublisher

SECRET = "a-service-secret-of-32-bytes-or-more"
DEVICE_SECRET = "a-device-secret-of-32-bytes-or-more!"
CREDIT = {"userId": "user_123", "newBalance": 500, "change": 100, "reason": "Credit purchase"}
CREDIT_PATH = "/api/sync/credit-update"
TOKEN_PATH = "/api/sync/token"
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
async def publisher() -> AsyncIterator[InMemoryPublisher]:
    async with InMemoryPublisher() as publisher:
        yield publisher


@asynccontextmanager
async def calling(publisher: InMemoryPublisher, **parts: Any) -> AsyncIterator[httpx.AsyncClient]:
    parts.setdefault("authorize", service_auth(SECRET))
    app = create_app(publisher, **parts)
    token = service_token(SECRET, scopes=["credit:write", TOKEN_MINT])
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://gateway",
        headers={"Authorization": f"Bearer {token}"},
    ) as client:
        yield client


async def test_a_key_that_was_used_for_another_request_is_409(
    publisher: InMemoryPublisher,
) -> None:
    key = {"Idempotency-Key": "order-7"}
    async with calling(publisher) as client:
        first = await client.post(CREDIT_PATH, json=CREDIT, headers=key)
        again = await client.post(CREDIT_PATH, json=CREDIT, headers=key)
        other = await client.post(CREDIT_PATH, json=CREDIT | {"change": 200}, headers=key)

    assert first.json() == again.json() == {"id": "order-7"}
    assert other.status_code == 409
    assert "take a new key" in other.json()["detail"]
    assert {event.data["change"] for event in publisher.events} == {100}


async def test_calls_above_the_rate_are_429_with_the_time_to_wait_for_this_key_alone(
    publisher: InMemoryPublisher,
) -> None:
    now = itertools.repeat(0.0)
    metrics = GatewayMetrics()
    buckets = Buckets(rate=0.5, burst=2)
    async with calling(
        publisher, buckets=buckets, clock=lambda: next(now), metrics=metrics
    ) as client:
        codes = [(await client.post(CREDIT_PATH, json=CREDIT)).status_code for _ in range(2)]
        limited = await client.post(CREDIT_PATH, json=CREDIT)
        other = service_token(SECRET, service="another")
        free = await client.post(
            CREDIT_PATH, json=CREDIT, headers={"Authorization": f"Bearer {other}"}
        )

    assert codes == [202, 202]
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "2")
    assert "wait 2.0 s" in limited.json()["detail"]
    assert free.status_code == 202
    assert metrics.registry.get_sample_value("kull_gateway_limited_total") == 1


def test_a_bucket_fills_again_and_never_beyond_its_burst() -> None:
    buckets = Buckets(rate=10, burst=2)

    assert [buckets.take("a", 0.0) > 0 for _ in range(3)] == [False, False, True]
    assert buckets.take("a", 0.1) == 0
    assert [buckets.take("a", 100.0) > 0 for _ in range(3)] == [False, False, True]


def test_buckets_are_bounded_however_many_keys_come() -> None:
    buckets = Buckets(rate=1, burst=1, max_keys=100)

    for number in range(1000):
        buckets.take(str(number), 0.0)

    assert len(buckets) <= 100


async def test_the_trace_context_travels_with_the_event(publisher: InMemoryPublisher) -> None:
    async with calling(publisher) as client:
        await client.post(CREDIT_PATH, json=CREDIT, headers={"traceparent": TRACE})
        await client.post(CREDIT_PATH, json=CREDIT, headers={"traceparent": "00-\x01"})

    carried = [m.headers.get(topology.HEADER_TRACEPARENT) for m in publisher.transport.messages]
    assert carried == [TRACE, None]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_body_that_a_foreign_page_may_send_unasked_is_415(
    publisher: InMemoryPublisher, kind: str
) -> None:
    async with calling(publisher, authorize=open_auth(service_auth(SECRET))) as client:
        answer = await client.post(CREDIT_PATH, content=b"{}", headers={"Content-Type": kind})

    assert answer.status_code == 415
    assert publisher.events == []


PAGES = [
    # origin, host, origins, allowed
    ("", "sync.example.com", Origins(), True),
    ("https://sync.example.com", "sync.example.com", Origins(), True),
    ("http://127.0.0.1:5000", "127.0.0.1:5000", Origins(literal=True), True),
    ("http://[::1]:5000", "[::1]:5000", Origins(literal=True), True),
    ("http://rebound.evil:5000", "rebound.evil:5000", Origins(literal=True), False),
    ("https://evil.com", "sync.example.com", Origins(), False),
    ("null", "sync.example.com", Origins(), False),
    ("https://sync.example.com.evil.com", "sync.example.com", Origins(), False),
    ("https://app.example.com", "x", Origins(allowed=parse("https://app.example.com")), True),
    ("https://app.example.com:8443", "x", Origins(allowed=parse("https://app.example.com")), False),
    ("http://app.example.com", "x", Origins(allowed=parse("https://app.example.com")), False),
    ("http://localhost:5173", "127.0.0.1:5000", Origins(local=True), True),
    ("http://localhost.evil.com", "127.0.0.1:5000", Origins(local=True), False),
    ("http://localhost:5173", "sync.example.com", Origins(), False),
    ("https://evil.com", "x", Origins(allowed=parse("*")), True),
]


@pytest.mark.parametrize(("origin", "host", "origins", "allowed"), PAGES)
def test_only_our_own_and_listed_pages_may_talk_to_us(
    origin: str, host: str, origins: Origins, allowed: bool
) -> None:
    assert origins.allows(origin, host) is allowed


@pytest.mark.parametrize("text", ["app.example.com", "https://a/b", "https://*.example.com"])
def test_an_origin_that_no_browser_sends_is_refused_at_start(text: str) -> None:
    with pytest.raises(ValueError, match="is no origin"):
        parse(text)


async def test_a_foreign_page_can_trigger_nothing_even_where_no_token_is_needed(
    publisher: InMemoryPublisher,
) -> None:
    origins = Origins(allowed=parse("https://app.example.com"), literal=True)
    async with calling(
        publisher, authorize=open_auth(service_auth(SECRET)), origins=origins
    ) as client:
        del client.headers["Authorization"]
        foreign = await client.post(
            CREDIT_PATH, json=CREDIT, headers={"Origin": "https://evil.com"}
        )
        ours = await client.post(
            CREDIT_PATH, json=CREDIT, headers={"Origin": "https://app.example.com"}
        )
        asked = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        }
        refused = await client.options(CREDIT_PATH, headers=asked | {"Origin": "https://evil.com"})
        granted = await client.options(
            CREDIT_PATH, headers=asked | {"Origin": "https://app.example.com"}
        )

    assert foreign.status_code == 403
    assert "KULL_ORIGINS" in foreign.json()["detail"]
    assert ours.status_code == 202
    assert ours.headers["access-control-allow-origin"] == "https://app.example.com"
    assert "access-control-allow-origin" not in refused.headers
    assert granted.headers["access-control-allow-origin"] == "https://app.example.com"
    assert len(publisher.events) == 1


async def test_a_demo_lets_anyone_publish_but_nobody_mint(publisher: InMemoryPublisher) -> None:
    minter = Minter(SigningKey.shared(DEVICE_SECRET))
    async with calling(
        publisher, authorize=open_auth(service_auth(SECRET)), minter=minter
    ) as client:
        del client.headers["Authorization"]
        assert (await client.post(CREDIT_PATH, json=CREDIT)).status_code == 202
        assert (await client.post(TOKEN_PATH, json={"userId": "a"})).status_code == 401


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


async def test_minting_needs_its_scope(publisher: InMemoryPublisher) -> None:
    headers = {"Authorization": f"Bearer {service_token(SECRET)}"}
    async with calling(publisher, minter=Minter(SigningKey.shared(DEVICE_SECRET))) as client:
        answer = await client.post(TOKEN_PATH, json={"userId": "a"}, headers=headers)

    assert answer.status_code == 403
    assert "token:mint" in answer.json()["detail"]


def pem(path: Path, key: Any) -> Path:
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


@pytest.mark.parametrize("algorithm", ["RS256", "EdDSA"])
async def test_the_published_key_verifies_what_the_private_key_signs(
    publisher: InMemoryPublisher, tmp_path: Path, algorithm: str
) -> None:
    private = (
        Ed25519PrivateKey.generate() if algorithm == "EdDSA" else generate_private_key(65537, 2048)
    )
    minter = Minter(SigningKey.from_pem(pem(tmp_path / "key.pem", private)))
    async with calling(publisher, minter=minter) as client:
        token = (await client.post(TOKEN_PATH, json={"userId": "a"})).json()["token"]
        published = (await client.get("/.well-known/jwks.json")).json()

    [key] = jwt.PyJWKSet.from_dict(published).keys
    header = jwt.get_unverified_header(token)
    assert (header["alg"], header["kid"]) == (algorithm, key.key_id)
    assert jwt.decode(token, key.key, algorithms=[algorithm])["sub"] == "a"
    assert not {"d", "p", "q"} & published["keys"][0].keys()


async def test_a_shared_secret_is_never_published(publisher: InMemoryPublisher) -> None:
    async with calling(publisher, minter=Minter(SigningKey.shared(DEVICE_SECRET))) as client:
        assert (await client.get("/.well-known/jwks.json")).json() == {"keys": []}


def test_a_key_that_is_too_weak_or_none_is_refused(tmp_path: Path) -> None:
    weak = pem(tmp_path / "weak.pem", generate_private_key(65537, 1024))
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("hello")

    for path in (weak, nothing, tmp_path / "missing.pem"):
        with pytest.raises(SigningKeyError):
            SigningKey.from_pem(path)
    with pytest.raises(SigningKeyError, match="at least 32 bytes"):
        SigningKey.shared("short")


async def test_every_answer_is_counted_by_route(publisher: InMemoryPublisher) -> None:
    metrics = GatewayMetrics()
    async with calling(publisher, metrics=metrics) as client:
        await client.post(CREDIT_PATH, json=CREDIT)
        await client.get("/made/up")

    def count(**labels: str) -> float | None:
        return metrics.registry.get_sample_value("kull_gateway_requests_total", labels)

    assert count(path=CREDIT_PATH, status="202") == 1
    assert count(path="other", status="404") == 1
