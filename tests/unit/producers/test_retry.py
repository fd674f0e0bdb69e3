from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from kull_producers.errors import ConnectError
from kull_producers.publishing.circuit_breaker import CircuitBreaker
from kull_producers.publishing.retry import BASE, CAP, backoff


def test_the_back_off_doubles_up_to_its_cap() -> None:
    waits = [backoff(attempt, lambda: 1.0) for attempt in range(1, 9)]

    assert waits == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]


@given(st.integers(0, 10**9), st.floats(0, 1))
def test_the_jitter_is_full(attempt: int, chance: float) -> None:
    wait = backoff(attempt, lambda: chance)

    assert 0 <= wait <= min(CAP, BASE * 2.0 ** min(attempt, 30))
    assert backoff(attempt, lambda: 0.0) == 0


async def test_the_gate_closes_on_a_failure_and_opens_by_itself() -> None:
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


async def test_closing_the_gate_lets_everybody_through() -> None:
    breaker = CircuitBreaker(lambda: 1.0)
    breaker.failed(ConnectError("away"))
    breaker.stop()

    async with asyncio.timeout(5):
        await breaker.wait()
