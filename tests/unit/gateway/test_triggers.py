from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from kull_producers import NotRoutable
from kull_producers.events import topology
from kull_producers.testing import InMemoryPublisher, PublishedEvent
from tests.unit.gateway.calls import (
    CREDIT,
    CREDIT_PATH,
    JSON,
    PROMPT,
    SHOOT,
    TRACE,
    calling,
    problem,
)


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


async def test_the_trace_context_travels_with_the_event(publisher: InMemoryPublisher) -> None:
    async with calling(publisher) as client:
        await client.post(CREDIT_PATH, json=CREDIT, headers={"traceparent": TRACE})
        await client.post(CREDIT_PATH, json=CREDIT, headers={"traceparent": "00-\x01"})

    carried = [m.headers.get(topology.HEADER_TRACEPARENT) for m in publisher.transport.messages]
    assert carried == [TRACE, None]


@pytest.mark.parametrize("count", ["5.0", "5e0", "5.5", '"5"', "true"])
async def test_a_whole_number_with_a_point_is_422_and_told_so(
    client: httpx.AsyncClient, publisher: InMemoryPublisher, count: str
) -> None:
    body = json.dumps(SHOOT).replace('"processedCount": 15', f'"processedCount": {count}')

    answer = await client.post("/api/sync/shoot-progress", content=body, headers=JSON)

    assert "processedCount must be a whole number" in problem(answer, 422)
    assert publisher.events == []


async def test_a_prompt_change_for_a_thousand_users_says_who_was_not_told(
    client: httpx.AsyncClient, publisher: InMemoryPublisher
) -> None:
    users = [f"user-{number}" for number in range(1000)]
    body = PROMPT | {"userIds": users}
    publisher.transport.fail_next(NotRoutable("no router"), NotRoutable("no router"))

    refused = await client.post("/api/sync/prompt-change", json=body)
    assert "Idempotency-Key" in problem(refused, 503)
    said = refused.json()
    assert said["missing"] == users[:2]
    assert said["confirmed"] == users[2:]

    key = {"Idempotency-Key": said["id"]}
    repeated = await client.post("/api/sync/prompt-change", json=body, headers=key)
    assert (repeated.status_code, repeated.json()) == (202, {"id": said["id"]})
    assert {event.id for event in publisher.events} == {said["id"]}
    assert {event.address for event in publisher.events} == {f"user:{each}" for each in users}


@pytest.mark.parametrize(
    ("path", "body", "told"),
    [
        ("/api/sync/prompt-change", {"rooms": ["a", "b", "a"]}, ["room:a", "room:b"]),
        ("/api/sync/prompt-change", {"userIds": ["u"], "rooms": ["a"]}, ["user:u", "room:a"]),
        ("/api/sync/shoot-progress", {"rooms": ["shoot:1"]}, ["room:shoot:1"]),
        ("/api/sync/shoot-progress", {"userId": "u", "rooms": ["a"]}, ["user:u", "room:a"]),
        ("/api/sync/events/prompt-change", {"rooms": ["a"]}, ["room:a"]),
    ],
)
async def test_rooms_are_told_alone_or_beside_users(
    client: httpx.AsyncClient,
    publisher: InMemoryPublisher,
    path: str,
    body: dict[str, Any],
    told: list[str],
) -> None:
    fields = SHOOT if "shoot" in path else PROMPT
    named = {name: value for name, value in fields.items() if name not in {"userId", "userIds"}}

    answer = await client.post(path, json=named | body)

    assert answer.status_code == 202, answer.text
    assert [event.address for event in publisher.events] == told
    assert {event.id for event in publisher.events} == {answer.json()["id"]}
    assert not any({"rooms", "userIds"} & event.data.keys() for event in publisher.events)


@pytest.mark.parametrize(
    ("path", "body", "why"),
    [
        (CREDIT_PATH, CREDIT | {"rooms": ["a"]}, "'rooms' is not a field"),
        ("/api/sync/prompt-change", PROMPT | {"rooms": []}, "rooms must be 1 to 1000"),
        ("/api/sync/prompt-change", PROMPT | {"rooms": "a"}, "rooms must be 1 to 1000"),
        ("/api/sync/prompt-change", PROMPT | {"rooms": [1]}, "rooms must be 1 to 1000"),
        ("/api/sync/prompt-change", PROMPT | {"rooms": ["a"] * 1001}, "at most 1000"),
        ("/api/sync/prompt-change", PROMPT | {"rooms": ["x" * 200]}, "at most 100 are allowed"),
        ("/api/sync/prompt-change", PROMPT | {"rooms": [""]}, "cannot be empty"),
    ],
)
async def test_rooms_that_cannot_be_told_are_422_and_nobody_is_told(
    client: httpx.AsyncClient,
    publisher: InMemoryPublisher,
    path: str,
    body: dict[str, Any],
    why: str,
) -> None:
    assert why in problem(await client.post(path, json=body), 422)
    assert publisher.events == []


async def test_who_of_users_and_rooms_was_not_told_is_said(
    client: httpx.AsyncClient, publisher: InMemoryPublisher
) -> None:
    body = PROMPT | {"rooms": ["a", "b"]}
    publisher.transport.fail_next(NotRoutable("no router"), NotRoutable("no router"))

    refused = await client.post("/api/sync/prompt-change", json=body)

    problem(refused, 503)
    assert refused.json()["missing"] == PROMPT["userIds"]
    assert refused.json()["confirmed"] == ["room:a", "room:b"]
