from __future__ import annotations

import httpx
import pytest
from structlog.testing import capture_logs

from kull_producers import ConnectError, NotRoutable
from kull_producers.testing import InMemoryPublisher
from tests.unit.gateway.calls import CREDIT, CREDIT_PATH, problem


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


async def test_other_paths_and_methods_are_problems_too(client: httpx.AsyncClient) -> None:
    problem(await client.get("/nowhere"), 404)
    problem(await client.get(CREDIT_PATH), 405)
