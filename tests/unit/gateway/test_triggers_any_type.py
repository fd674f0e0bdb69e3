"""`POST /api/sync/events/{type}`: one trigger for every type that is declared."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import jsonschema_rs
import pytest

from kull_gateway import create_app, service_auth, service_token
from kull_producers.event_modules import load
from kull_producers.testing import InMemoryPublisher
from tests.unit.gateway.calls import CREDIT, CREDIT_PATH, SECRET, problem

EVENTS = load("gallery.events")
SHARED: dict[str, Any] = {
    "userId": "ada",
    "collectionId": "c",
    "title": "Ghent",
    "sharedBy": "Otto",
    "photoCount": 1,
}
DATA = {name: value for name, value in SHARED.items() if name != "userId"}
PATH = "/api/sync/events/collection-shared"


@pytest.fixture
async def client(publisher: InMemoryPublisher) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(publisher, authorize=service_auth(SECRET), events=EVENTS)
    token = service_token(SECRET, scopes=["collection:write", "notice:write", "credit:write"])
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://gateway",
        headers={"Authorization": f"Bearer {token}"},
    ) as client:
        yield client


@pytest.mark.parametrize(
    "path", [PATH, "/api/sync/events/COLLECTION_SHARED", "/api/sync/collection-shared"]
)
async def test_an_own_type_is_published_by_its_path_or_its_name(
    client: httpx.AsyncClient, publisher: InMemoryPublisher, path: str
) -> None:
    answer = await client.post(path, json=SHARED)

    assert answer.status_code == 202, answer.text
    [event] = publisher.events
    assert (event.id, event.type) == (answer.json()["id"], "COLLECTION_SHARED")
    assert (event.address, event.data) == ("user:ada", DATA)


async def test_kulls_types_are_published_there_too(
    client: httpx.AsyncClient, publisher: InMemoryPublisher
) -> None:
    assert (await client.post("/api/sync/events/credit-update", json=CREDIT)).status_code == 202

    assert [event.type for event in publisher.events] == ["CREDIT_UPDATE"]


async def test_everybody_is_told_by_an_explicit_word(
    client: httpx.AsyncClient, publisher: InMemoryPublisher
) -> None:
    path = "/api/sync/events/maintenance-planned"
    body = {"begins": "2026-11-28T23:00:00Z", "minutes": 20}

    assert "Name a userId, or say everybody" in problem(await client.post(path, json=body), 422)
    assert (await client.post(path, json={**body, "everybody": True})).status_code == 202
    refused = await client.post(PATH, json={**DATA, "everybody": True})
    assert "'everybody' is not a field" in problem(refused, 422)

    assert [event.address for event in publisher.events] == ["all"]


@pytest.mark.parametrize("name", ["collection-hidden", "Collection-Shared", "collection_shared"])
async def test_an_unknown_type_is_404_with_those_that_there_are(
    client: httpx.AsyncClient, name: str
) -> None:
    why = problem(await client.post(f"/api/sync/events/{name}", json=SHARED), 404)

    assert "COLLECTION_SHARED" in why
    assert "KULL_EVENTS_MODULES" in why


async def test_a_wrong_field_of_an_own_type_is_422_and_named(
    client: httpx.AsyncClient, publisher: InMemoryPublisher
) -> None:
    answer = await client.post(PATH, json=SHARED | {"photoCount": -1})

    assert "collection shared: photoCount must be a whole number" in problem(answer, 422)
    assert publisher.events == []


async def test_the_scope_of_the_type_opens_it_and_nothing_else_does(
    client: httpx.AsyncClient,
) -> None:
    token = service_token(SECRET, scopes=["credit:write"])
    headers = {"Authorization": f"Bearer {token}"}

    assert "collection:write" in problem(await client.post(PATH, json=SHARED, headers=headers), 403)


async def test_a_key_that_was_used_on_the_other_path_for_something_else_is_409(
    client: httpx.AsyncClient, publisher: InMemoryPublisher
) -> None:
    key = {"Idempotency-Key": "order-7"}

    await client.post(CREDIT_PATH, json=CREDIT, headers=key)
    again = await client.post(
        "/api/sync/events/credit-update", json=CREDIT | {"change": 7}, headers=key
    )

    problem(again, 409)
    assert len(publisher.events) == 1


async def test_the_document_has_the_schemas_of_all_types(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()

    operation = document["paths"]["/api/sync/events/{type}"]["post"]
    names = next(each for each in operation["parameters"] if each["in"] == "path")["schema"]["enum"]
    assert {"collection-shared", "COLLECTION_SHARED", "credit-update"} <= set(names)
    assert "notice:write" in operation["description"]
    content = operation["requestBody"]["content"]["application/json"]
    schema = jsonschema_rs.validator_for(content["schema"])
    assert schema.is_valid(SHARED)
    assert not schema.is_valid(SHARED | {"photoCount": -1})
    assert all(schema.is_valid(each["value"]) for each in content["examples"].values())
