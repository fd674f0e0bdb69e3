from __future__ import annotations

from typing import Any

import httpx

from tests.unit.gateway.calls import SHOOT


async def test_the_openapi_document_describes_the_bodies(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    trigger = document["paths"]["/api/sync/shoot-progress"]["post"]
    schema = trigger["requestBody"]["content"]["application/json"]["schema"]

    assert set(SHOOT) <= set(schema["properties"])
    assert schema["anyOf"] == [{"required": ["userId"]}, {"required": ["rooms"]}]
    assert "202" in trigger["responses"]


async def test_the_openapi_document_says_which_triggers_take_rooms_and_how_many(
    client: httpx.AsyncClient,
) -> None:
    document = (await client.get("/openapi.json")).json()

    def rooms(slug: str) -> dict[str, Any]:
        trigger = document["paths"][f"/api/sync/{slug}"]["post"]
        schema = trigger["requestBody"]["content"]["application/json"]["schema"]
        found: dict[str, Any] = schema["properties"].get("rooms", {})
        return found

    for slug in ("shoot-progress", "prompt-change"):
        assert (rooms(slug)["minItems"], rooms(slug)["maxItems"]) == (1, 1000)
    assert rooms("credit-update") == {}
