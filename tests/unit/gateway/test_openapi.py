from __future__ import annotations

import httpx

from tests.unit.gateway.calls import SHOOT


async def test_the_openapi_document_describes_the_bodies(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    trigger = document["paths"]["/api/sync/shoot-progress"]["post"]
    schema = trigger["requestBody"]["content"]["application/json"]["schema"]

    assert set(SHOOT) <= set(schema["properties"])
    assert "userId" in schema["required"]
    assert "202" in trigger["responses"]
