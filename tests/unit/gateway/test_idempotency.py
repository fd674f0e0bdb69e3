from __future__ import annotations

import pytest

from kull_gateway.idempotency import Conflict, Used
from kull_producers.testing import InMemoryPublisher
from tests.unit.gateway.calls import CREDIT, CREDIT_PATH, calling


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


def test_a_repeat_is_welcome_and_another_request_is_a_conflict() -> None:
    used = Used()
    used.check("k", "/credit-update", b"1", 0.0)
    used.check("k", "/credit-update", b"1", 1.0)

    for path, body in (("/credit-update", b"2"), ("/prompt-change", b"1")):
        with pytest.raises(Conflict):
            used.check("k", path, body, 2.0)


def test_a_key_is_forgotten_when_its_time_is_over() -> None:
    used = Used(keep=10.0)
    used.check("k", "/a", b"1", 0.0)

    used.check("k", "/b", b"2", 10.0)


def test_of_too_many_keys_the_oldest_is_forgotten() -> None:
    used = Used(max_keys=2)
    for key in ("a", "b", "c"):
        used.check(key, "/", b"1", 0.0)

    used.check("a", "/", b"other", 1.0)
    with pytest.raises(Conflict):
        used.check("c", "/", b"other", 1.0)


def test_a_refused_request_changes_nothing_about_when_its_key_is_forgotten() -> None:
    used = Used(keep=10)
    used.check("k", "/", b"1", 0.0)
    used.check("other", "/", b"1", 5.0)
    with pytest.raises(Conflict):
        used.check("k", "/", b"2", 6.0)

    used.check("k", "/", b"2", 10.0)  # its time is over, that of the other key is not
