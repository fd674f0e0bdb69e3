"""How long to wait before connecting again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kull_client.backoff import full_jitter
from kull_client.reconnect import BASE, CAP


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_the_delay_is_between_zero_and_the_doubling_limit(attempt: int, drawn: float) -> None:
    delay = full_jitter(attempt, random=lambda: drawn, base=BASE, cap=CAP)

    assert 0 <= delay <= min(30.0, 2.0 ** min(attempt, 30))


def test_the_whole_range_is_used() -> None:
    assert full_jitter(3, random=lambda: 0.0, base=BASE, cap=CAP) == 0.0
    assert full_jitter(3, random=lambda: 1.0, base=BASE, cap=CAP) == 8.0
    assert full_jitter(9, random=lambda: 1.0, base=BASE, cap=CAP) == 30.0
