from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from kull_gateway.auth import PRESENCE_READ, service_token
from kull_gateway.presence_route import NobodyAnswers, PresentDevice, UserPresence
from kull_producers.testing import InMemoryPublisher
from tests.unit.gateway.calls import SECRET, calling, problem

PATH = "/api/sync/presence"
MAC = PresentDevice(deviceId="mac", platform="macos", deviceName="Maya's Mac", connectedAt=5)
MAYA = UserPresence(userId="maya", online=True, lastSeen=9, devices=[MAC])


def credential(*scopes: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {service_token(SECRET, scopes=scopes)}"}


class Routers:
    """Know Maya."""

    def __init__(self) -> None:
        self.asked: list[Sequence[str]] = []

    async def __call__(self, users: Sequence[str]) -> Mapping[str, UserPresence]:
        self.asked.append(users)
        return {"maya": MAYA}


class Nobody:
    """No router answers."""

    async def __call__(self, users: Sequence[str]) -> Mapping[str, UserPresence]:
        raise NobodyAnswers


async def test_users_are_told_in_the_order_of_the_question_and_the_unknown_as_such(
    publisher: InMemoryPublisher,
) -> None:
    routers = Routers()
    async with calling(publisher, presence=routers) as client:
        query = {"userIds": "otto,maya", "userId": ["a,b"]}
        answer = await client.get(PATH, params=query, headers=credential(PRESENCE_READ))
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert routers.asked == [["otto", "maya", "a,b"]]
    unknown: dict[str, object] = {"online": None, "lastSeen": 0, "devices": []}
    assert answer.json() == {
        "users": [
            {"userId": "otto", **unknown},
            MAYA.model_dump(),
            {"userId": "a,b", **unknown},
        ]
    }


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({}, "name 1 to 100"),
        ({"userIds": ",".join(map(str, range(101)))}, "name 1 to 100"),
        ({"userIds": "maya,"}, "1 to 100 characters"),
        ({"userIds": "m" * 101}, "1 to 100 characters"),
    ],
)
async def test_a_question_that_is_none_is_refused(
    publisher: InMemoryPublisher, query: dict[str, str], says: str
) -> None:
    routers = Routers()
    async with calling(publisher, presence=routers) as client:
        answer = await client.get(PATH, params=query, headers=credential(PRESENCE_READ))
    assert says in problem(answer, 400)
    assert routers.asked == []


async def test_only_services_with_the_scope_may_ask(publisher: InMemoryPublisher) -> None:
    routers = Routers()
    async with calling(publisher, presence=routers) as client:
        query = {"userIds": "maya"}
        other = await client.get(PATH, params=query, headers=credential("credit:write"))
        nobody = await client.get(PATH, params=query, headers={"Authorization": ""})
    problem(other, 403)
    problem(nobody, 401)
    assert routers.asked == []


async def test_without_any_router_it_says_so(publisher: InMemoryPublisher) -> None:
    async with calling(publisher, presence=Nobody()) as client:
        query = {"userIds": "maya"}
        answer = await client.get(PATH, params=query, headers=credential(PRESENCE_READ))
    assert "no router" in problem(answer, 503)
    assert answer.headers["retry-after"] == "1"
