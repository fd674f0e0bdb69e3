from __future__ import annotations

from kull_gateway.metrics import GatewayMetrics
from kull_producers.testing import InMemoryPublisher
from tests.unit.gateway.calls import CREDIT, CREDIT_PATH, calling


async def test_every_answer_is_counted_by_route(publisher: InMemoryPublisher) -> None:
    metrics = GatewayMetrics()
    async with calling(publisher, metrics=metrics) as client:
        await client.post(CREDIT_PATH, json=CREDIT)
        await client.get("/made/up")

    def count(**labels: str) -> float | None:
        return metrics.registry().get_sample_value("kull_gateway_requests_total", labels)

    assert count(path=CREDIT_PATH, status="202") == 1
    assert count(path="other", status="404") == 1
