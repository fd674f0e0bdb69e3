from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from kull_gateway import Status, create_app, service_auth, service_token
from kull_producers import ConnectError, NotRoutable
from kull_producers.testing import InMemoryPublisher, PublishedEvent

SECRET = "a-service-secret-of-32-bytes-or-more"
SHOOT: dict[str, Any] = {
    "userId": "user_123",
    "shootId": "shoot_456",
    "status": "processing",
    "processedCount": 15,
    "totalCount": 100,
    "currentImage": "IMG_0015.jpg",
    "eta": 120,
    "provider": "Replicate",
}
CREDIT: dict[str, Any] = {
    "userId": "user_123",
    "newBalance": 500,
    "change": 100,
    "reason": "Credit purchase",
}
PROMPT: dict[str, Any] = {
    "promptId": "prompt_789",
    "action": "voted",
    "userIds": ["user_123", "user_456"],
}
JSON = {"Content-Type": "application/json"}
CREDIT_PATH = "/api/sync/credit-update"


@pytest.fixture
async def publisher() -> AsyncIterator[InMemoryPublisher]:
    async with InMemoryPublisher() as publisher:
        yield publisher


@pytest.fixture
async def client(publisher: InMemoryPublisher) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(publisher, authorize=service_auth(SECRET))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://gateway",
        headers={"Authorization": f"Bearer {service_token(SECRET)}"},
    ) as client:
        yield client


def problem(answer: httpx.Response, status: int) -> str:
    """Return what a problem says, having checked its form."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["type"], body["status"]) == ("about:blank", status)
    assert body["title"]
    return str(body["detail"])


@pytest.mark.parametrize(
    ("path", "body", "events"),
    [
        (
            "/api/sync/shoot-progress",
            SHOOT,
            [
                (
                    "SHOOT_PROGRESS",
                    "user:user_123",
                    {k: v for k, v in SHOOT.items() if k != "userId"},
                )
            ],
        ),
        (CREDIT_PATH, CREDIT, [("CREDIT_UPDATE", "user:user_123", CREDIT)]),
        (
            "/api/sync/prompt-change",
            PROMPT,
            [
                (
                    "PROMPT_CHANGE",
                    f"user:{user}",
                    {"promptId": "prompt_789", "action": "voted"},
                )
                for user in PROMPT["userIds"]
            ],
        ),
    ],
)
async def test_the_seeds_requests_become_events(
    client: httpx.AsyncClient,
    publisher: InMemoryPublisher,
    path: str,
    body: dict[str, Any],
    events: list[tuple[str, str, dict[str, Any]]],
) -> None:
    answer = await client.post(path, json=body)

    assert answer.status_code == 202, answer.text
    assert publisher.events == [
        PublishedEvent(id=answer.json()["id"], type=type_, address=to, data=data)
        for type_, to, data in events
    ]


async def test_the_idempotency_key_is_the_events_id(
    client: httpx.AsyncClient, publisher: InMemoryPublisher
) -> None:
    answer = await client.post(CREDIT_PATH, json=CREDIT, headers={"Idempotency-Key": "order-7"})

    assert answer.json() == {"id": "order-7"}
    assert publisher.events[0].id == "order-7"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "must be UTF-8 JSON"),
        (b"{", "must be UTF-8 JSON"),
        (b"[1]", "must be a JSON object, not list"),
        (b'{"userId":"a","userId":"b"}', "a field occurs twice"),
        (b'{"newBalance":NaN}', "NaN is not JSON"),
    ],
)
async def test_a_body_that_is_no_json_object_is_400(
    client: httpx.AsyncClient, content: bytes, why: str
) -> None:
    assert why in problem(await client.post(CREDIT_PATH, content=content, headers=JSON), 400)


@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        (CREDIT_PATH, CREDIT | {"newBalance": "500"}, "newBalance must be a finite number"),
        (CREDIT_PATH, CREDIT | {"colour": 1}, "'colour' is not a field"),
        (CREDIT_PATH, CREDIT | {"userId": "x" * 200}, "userId must be a user id"),
        ("/api/sync/shoot-progress", SHOOT | {"userId": ""}, "an id cannot be empty"),
        ("/api/sync/shoot-progress", SHOOT | {"userId": 7}, "userId must be a text"),
        ("/api/sync/shoot-progress", SHOOT | {"processedCount": 101}, "at most totalCount"),
        ("/api/sync/prompt-change", PROMPT | {"userIds": []}, "userIds must be 1 to 1000"),
    ],
)
async def test_a_wrong_field_is_422_and_named(
    client: httpx.AsyncClient,
    publisher: InMemoryPublisher,
    path: str,
    body: dict[str, Any],
    why: str,
) -> None:
    assert why in problem(await client.post(path, json=body), 422)
    assert publisher.events == []


async def test_a_wrong_idempotency_key_is_422(client: httpx.AsyncClient) -> None:
    answer = await client.post(CREDIT_PATH, json=CREDIT, headers={"Idempotency-Key": "x" * 129})

    assert "1 to 128 characters" in problem(answer, 422)


async def test_a_huge_body_is_413(client: httpx.AsyncClient) -> None:
    body = json.dumps(CREDIT | {"reason": "x" * 300_000})

    assert "bytes" in problem(await client.post(CREDIT_PATH, content=body, headers=JSON), 413)


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
    import jwt

    device = jwt.encode({"sub": "user_123", "exp": 2**40}, SECRET, algorithm="HS256")
    answer = await client.post(
        CREDIT_PATH, json=CREDIT, headers={"Authorization": f"Bearer {device}"}
    )

    assert "kull-service" in problem(answer, 401)


async def test_an_unsigned_token_is_refused(client: httpx.AsyncClient) -> None:
    import jwt

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


@pytest.mark.parametrize("error", [NotRoutable("no router"), ConnectError("down")])
async def test_an_event_that_is_not_confirmed_is_503_with_what_to_do(
    publisher: InMemoryPublisher, client: httpx.AsyncClient, error: NotRoutable | ConnectError
) -> None:
    if isinstance(error, ConnectError):
        await publisher.__aexit__(None, None, None)
    else:
        publisher.transport.fail_next(error)
    with capture_logs() as logs:
        answer = await client.post(CREDIT_PATH, json=CREDIT)

    assert "send it again with the same Idempotency-Key" in problem(answer, 503)
    assert answer.headers["retry-after"] == "1"
    assert [line["event"] for line in logs] == ["publish_failed"]


async def test_no_token_gets_into_the_log(
    publisher: InMemoryPublisher, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="kull_producers")
    publisher.transport.fail_next(NotRoutable("no router"))
    with capture_logs() as logs:
        await client.post(CREDIT_PATH, json=CREDIT)
        await client.post(CREDIT_PATH, json=CREDIT, headers={"Authorization": "Bearer s3cr3t"})

    token = client.headers["Authorization"].removeprefix("Bearer ")
    for secret in (token, "s3cr3t"):
        assert secret not in repr(logs)
        assert secret not in caplog.text


async def test_health_follows_rabbitmq_and_needs_no_token(
    publisher: InMemoryPublisher, client: httpx.AsyncClient
) -> None:
    del client.headers["Authorization"]
    status = await client.get("/api/sync/status")
    assert (status.status_code, status.json()) == (200, {"status": "ok", "broker": "connected"})
    assert (await client.get("/readyz")).status_code == 200

    publisher.transport.down = True
    status = await client.get("/api/sync/status")
    assert (status.status_code, status.json()) == (503, {"status": "unavailable", "broker": "away"})
    problem(await client.get("/readyz"), 503)
    assert (await client.get("/livez")).status_code == 200


async def test_the_owner_may_tell_its_own_status(publisher: InMemoryPublisher) -> None:
    async def status() -> Status:
        return Status(ready=False, details={"edges": 2})

    app = create_app(publisher, authorize=service_auth(SECRET), status=status)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://gateway"
    ) as client:
        answer = await client.get("/api/sync/status")
        assert answer.json() == {"status": "unavailable", "edges": 2}


async def test_other_paths_and_methods_are_problems_too(client: httpx.AsyncClient) -> None:
    problem(await client.get("/nowhere"), 404)
    problem(await client.get(CREDIT_PATH), 405)


async def test_the_openapi_document_describes_the_bodies(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    trigger = document["paths"]["/api/sync/shoot-progress"]["post"]
    schema = trigger["requestBody"]["content"]["application/json"]["schema"]

    assert set(SHOOT) <= set(schema["properties"])
    assert "userId" in schema["required"]
    assert "202" in trigger["responses"]


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        service_auth("short")
    with pytest.raises(ValueError, match="at least 32 bytes"):
        service_token("short")
