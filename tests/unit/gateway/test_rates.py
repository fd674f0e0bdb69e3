from __future__ import annotations

import itertools

from kull_gateway import (
    Buckets,
    service_token,
)
from kull_gateway.metrics import GatewayMetrics
from kull_producers.testing import InMemoryPublisher
from tests.unit.gateway.calls import CREDIT, CREDIT_PATH, SECRET, calling


async def test_calls_above_the_rate_are_429_with_the_time_to_wait_for_this_key_alone(
    publisher: InMemoryPublisher,
) -> None:
    now = itertools.repeat(0.0)
    metrics = GatewayMetrics()
    buckets = Buckets(rate=0.5, burst=2)
    async with calling(
        publisher, buckets=buckets, clock=lambda: next(now), metrics=metrics
    ) as client:
        codes = [(await client.post(CREDIT_PATH, json=CREDIT)).status_code for _ in range(2)]
        limited = await client.post(CREDIT_PATH, json=CREDIT)
        other = service_token(SECRET, service="another")
        free = await client.post(
            CREDIT_PATH, json=CREDIT, headers={"Authorization": f"Bearer {other}"}
        )

    assert codes == [202, 202]
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "2")
    assert "wait 2.0 s" in limited.json()["detail"]
    assert free.status_code == 202
    assert metrics.limited.value == 1


def test_a_bucket_fills_again_and_never_beyond_its_burst() -> None:
    buckets = Buckets(rate=10, burst=2)

    assert [buckets.take("a", 0.0) > 0 for _ in range(3)] == [False, False, True]
    assert buckets.take("a", 0.1) == 0
    assert [buckets.take("a", 100.0) > 0 for _ in range(3)] == [False, False, True]


def test_buckets_are_bounded_however_many_keys_come() -> None:
    buckets = Buckets(rate=1, burst=1, max_keys=100)

    for number in range(1000):
        buckets.take(str(number), 0.0)

    assert len(buckets) <= 100
