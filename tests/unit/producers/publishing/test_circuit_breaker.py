from __future__ import annotations

import asyncio

from kull_producers.errors import ConnectError
from kull_producers.publishing.circuit_breaker import CircuitBreaker


async def test_it_opens_on_a_failure_and_closes_by_itself() -> None:
    breaker = CircuitBreaker(lambda: 0.01)
    breaker.failed(ConnectError("away"))
    assert not breaker.is_closed

    async with asyncio.timeout(5):
        await breaker.wait()
    assert breaker.is_closed


async def test_failures_of_one_attempt_count_once() -> None:
    asked: list[float] = []

    def chance() -> float:
        asked.append(1.0)
        return 1.0

    breaker = CircuitBreaker(chance)
    for _ in range(100):
        breaker.failed(ConnectError("away"))

    assert len(asked) == 1
    breaker.stop()


async def test_stopping_it_lets_everybody_through() -> None:
    breaker = CircuitBreaker(lambda: 1.0)
    breaker.failed(ConnectError("away"))
    breaker.stop()

    async with asyncio.timeout(5):
        await breaker.wait()
