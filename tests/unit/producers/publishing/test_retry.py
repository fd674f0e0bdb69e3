from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kull_producers.publishing.retry import BASE, CAP, backoff


def test_the_back_off_doubles_up_to_its_cap() -> None:
    waits = [backoff(attempt, lambda: 1.0) for attempt in range(1, 9)]

    assert waits == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]


@given(st.integers(0, 10**9), st.floats(0, 1))
def test_the_jitter_is_full(attempt: int, chance: float) -> None:
    wait = backoff(attempt, lambda: chance)

    assert 0 <= wait <= min(CAP, BASE * 2.0 ** min(attempt, 30))
    assert backoff(attempt, lambda: 0.0) == 0
