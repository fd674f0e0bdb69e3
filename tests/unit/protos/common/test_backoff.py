"""How long to wait before trying again."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from kull_protos.common.backoff import full_jitter


@given(st.integers(0, 10_000), st.floats(0, 1), st.floats(0.01, 2), st.floats(0.01, 60))
def test_the_wait_is_between_zero_and_the_doubling_limit(
    attempt: int, drawn: float, base: float, cap: float
) -> None:
    wait = full_jitter(attempt, random=lambda: drawn, base=base, cap=cap)

    assert 0 <= wait <= min(cap, base * 2.0 ** min(attempt, 30))


def test_the_whole_range_is_used() -> None:
    drawn = iter((0.0, 0.5, 1.0))

    waits = [full_jitter(3, random=lambda: next(drawn), base=0.5, cap=5) for _ in range(3)]

    assert waits == [0.0, 2.0, 4.0]


def test_the_wait_is_jittered_and_capped() -> None:
    rng = random.Random(7)
    waits = [full_jitter(n, base=0.2, cap=5, random=rng.random) for n in range(1, 200)]

    assert all(0 <= wait <= 5 for wait in waits)
    assert max(waits) > 4.5
    assert full_jitter(1, base=0.2, cap=5, random=rng.random) <= 0.4
