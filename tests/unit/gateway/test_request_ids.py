from __future__ import annotations

import pytest
import structlog

from kull_producers.errors import PublishTimeout
from kull_producers.testing import InMemoryPublisher
from tests.unit.gateway.calls import CREDIT, CREDIT_PATH, calling


async def test_each_answer_has_an_id_of_its_own(publisher: InMemoryPublisher) -> None:
    async with calling(publisher) as client:
        first, second = [await client.get("/api/sync/status") for _ in range(2)]

    assert first.headers["x-request-id"] != second.headers["x-request-id"]


async def test_the_id_that_a_proxy_gives_is_kept_if_it_is_a_plain_one(
    publisher: InMemoryPublisher,
) -> None:
    async with calling(publisher) as client:
        for given, kept in (("from-the-proxy-1", True), ("short", False), ("x" * 99, False)):
            answer = await client.get("/api/sync/status", headers={"X-Request-Id": given})
            assert (answer.headers["x-request-id"] == given) == kept


async def test_a_line_about_a_request_has_the_id_of_its_answer(
    publisher: InMemoryPublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object, **__: object) -> str:
        raise PublishTimeout("no confirm in time")

    monkeypatch.setattr(publisher, "publish", fail)
    merge = structlog.contextvars.merge_contextvars
    with structlog.testing.capture_logs(processors=[merge]) as lines:
        async with calling(publisher) as client:
            answer = await client.post(CREDIT_PATH, json=CREDIT)

    (line,) = [line for line in lines if line["event"] == "publish_failed"]
    assert line["request"] == answer.headers["x-request-id"]
