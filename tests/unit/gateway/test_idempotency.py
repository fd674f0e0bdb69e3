from __future__ import annotations

from pathlib import Path

import pytest

from kull_gateway import key_auth, service_token
from kull_gateway.idempotency import Conflict, Used
from kull_gateway.keys import add
from kull_producers.testing import InMemoryPublisher
from tests.unit.gateway.calls import CREDIT, CREDIT_PATH, SECRET, SHOOT, calling, problem


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


def published(publisher: InMemoryPublisher) -> list[tuple[str, str, str]]:
    return [(each.app_id, each.type, each.message_id) for each in publisher.transport.messages]


def bearer(service: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {service_token(SECRET, service=service)}"}


async def test_a_key_belongs_to_the_service_that_calls(publisher: InMemoryPublisher) -> None:
    key = {"Idempotency-Key": "order-7"}
    async with calling(publisher) as client:
        shop = await client.post(CREDIT_PATH, json=CREDIT, headers=key | bearer("shop"))
        billing = await client.post(
            CREDIT_PATH, json=CREDIT | {"change": 200}, headers=key | bearer("billing")
        )

    assert shop.json() == billing.json() == {"id": "order-7"}
    assert published(publisher) == [
        ("shop", "CREDIT_UPDATE", "order-7"),
        ("billing", "CREDIT_UPDATE", "order-7"),
    ]


async def test_a_key_belongs_to_the_route(publisher: InMemoryPublisher) -> None:
    headers = {"Idempotency-Key": "order-7"} | bearer("shop")
    async with calling(publisher) as client:
        shoot = await client.post("/api/sync/shoot-progress", json=SHOOT, headers=headers)
        credit = await client.post(CREDIT_PATH, json=CREDIT, headers=headers)

    assert shoot.json() == credit.json() == {"id": "order-7"}
    assert [type_ for _, type_, _ in published(publisher)] == ["SHOOT_PROGRESS", "CREDIT_UPDATE"]


async def test_a_service_whose_credential_was_changed_keeps_its_keys(
    publisher: InMemoryPublisher, tmp_path: Path
) -> None:
    old, new = (
        add(tmp_path / "keys.json", service="billing", scopes=["credit:write"]) for _ in range(2)
    )
    async with calling(publisher, authorize=key_auth(tmp_path / "keys.json")) as client:
        answers = [
            await client.post(
                CREDIT_PATH,
                json=CREDIT | {"change": change},
                headers={"Idempotency-Key": "order-7", "Authorization": f"Bearer {credential}"},
            )
            for change, credential in ((100, old), (100, new), (200, new))
        ]

    assert [answer.status_code for answer in answers] == [202, 202, 409]
    assert published(publisher) == [("billing", "CREDIT_UPDATE", "order-7")] * 2


@pytest.mark.parametrize("service", ["", "a\nb", "x" * 256])
async def test_a_token_that_names_no_service_is_refused(
    publisher: InMemoryPublisher, service: str
) -> None:
    async with calling(publisher) as client:
        answer = await client.post(CREDIT_PATH, json=CREDIT, headers=bearer(service))
    assert "no name of a service" in problem(answer, 401)


def test_a_repeat_is_welcome_and_another_request_is_a_conflict() -> None:
    used = Used()
    used.check("shop", "/credit-update", "k", body=b"1", now=0.0)
    used.check("shop", "/credit-update", "k", body=b"1", now=1.0)

    with pytest.raises(Conflict):
        used.check("shop", "/credit-update", "k", body=b"2", now=2.0)
    used.check("shop", "/prompt-change", "k", body=b"2", now=2.0)
    used.check("billing", "/credit-update", "k", body=b"2", now=2.0)


def test_a_key_is_forgotten_when_its_time_is_over() -> None:
    used = Used(keep=10.0)
    used.check("shop", "/a", "k", body=b"1", now=0.0)

    used.check("shop", "/a", "k", body=b"2", now=10.0)


def test_of_too_many_keys_the_oldest_is_forgotten() -> None:
    used = Used(max_keys=2)
    for key in ("a", "b", "c"):
        used.check("shop", "/", key, body=b"1", now=0.0)

    used.check("shop", "/", "a", body=b"other", now=1.0)
    with pytest.raises(Conflict):
        used.check("shop", "/", "c", body=b"other", now=1.0)


def test_a_refused_request_changes_nothing_about_when_its_key_is_forgotten() -> None:
    used = Used(keep=10)
    used.check("shop", "/", "k", body=b"1", now=0.0)
    used.check("shop", "/", "other", body=b"1", now=5.0)
    with pytest.raises(Conflict):
        used.check("shop", "/", "k", body=b"2", now=6.0)

    used.check("shop", "/", "k", body=b"2", now=10.0)  # its time is over, that of the other is not
