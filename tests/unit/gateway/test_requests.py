from __future__ import annotations

import json

import httpx
import pytest

from kull_gateway import (
    open_auth,
    service_auth,
)
from kull_producers.testing import InMemoryPublisher
from tests.unit.gateway.calls import CREDIT, CREDIT_PATH, JSON, SECRET, calling, problem


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


async def test_a_wrong_idempotency_key_is_422(client: httpx.AsyncClient) -> None:
    answer = await client.post(CREDIT_PATH, json=CREDIT, headers={"Idempotency-Key": "x" * 129})

    assert "1 to 128 characters" in problem(answer, 422)


async def test_a_huge_body_is_413(client: httpx.AsyncClient) -> None:
    body = json.dumps(CREDIT | {"reason": "x" * 300_000})

    assert "bytes" in problem(await client.post(CREDIT_PATH, content=body, headers=JSON), 413)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_body_that_a_foreign_page_may_send_unasked_is_415(
    publisher: InMemoryPublisher, kind: str
) -> None:
    async with calling(publisher, authorize=open_auth(service_auth(SECRET))) as client:
        answer = await client.post(CREDIT_PATH, content=b"{}", headers={"Content-Type": kind})

    assert answer.status_code == 415
    assert publisher.events == []
