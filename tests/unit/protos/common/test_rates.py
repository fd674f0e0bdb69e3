"""Token buckets."""

from __future__ import annotations

import time

import pytest

from kull_protos.common.rates import Bucket, Buckets


def test_a_debt_is_paid_by_waiting() -> None:
    bucket = Bucket(rate=10, burst=5)

    assert bucket.spend(5, 0.0) == 0
    assert bucket.spend(5, 0.0) == pytest.approx(0.5)
    assert bucket.spend(0, 0.5) == pytest.approx(0)
    assert bucket.take(1, 0.5) > 0
    assert bucket.take(1, 0.6) == 0


def test_no_rate_is_no_limit() -> None:
    bucket, buckets = Bucket(rate=0, burst=1), Buckets(rate=0, burst=1)

    assert [bucket.spend(10**9, 0.0), bucket.take(10**9, 0.0), buckets.take("a", 0.0)] == [0] * 3
    assert len(buckets) == 0


def test_buckets_are_bounded_however_many_keys_come() -> None:
    buckets = Buckets(rate=1, burst=1, max_keys=100)

    for number in range(1000):
        buckets.take(number, 0.0)

    assert len(buckets) <= 100


def test_the_key_that_was_longest_unused_makes_room() -> None:
    buckets = Buckets(rate=1, burst=1, max_keys=3)
    for key in ("a", "b", "c", "a", "d"):
        buckets.take(key, 0.0)

    assert buckets.take("a", 0.0) > 0  # its limit still holds
    assert buckets.take("b", 0.0) == 0


def test_a_new_key_costs_the_same_however_many_there_are() -> None:
    def cost(keys: int) -> float:
        buckets = Buckets(rate=1, burst=1, max_keys=keys)
        for number in range(keys):
            buckets.take(number, 0.0)
        began = time.perf_counter()
        for number in range(keys, keys + 200):
            buckets.take(number, 0.0)
        return time.perf_counter() - began

    assert min(cost(100_000) for _ in range(3)) < 50 * min(cost(100) for _ in range(3))
