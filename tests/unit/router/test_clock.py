"""Chance and time come from where they are given."""

from __future__ import annotations

import random

from kull_router.clock import Clock


def test_one_seed_gives_the_same_ids_and_delays_again() -> None:
    def drawn() -> list[object]:
        clock = Clock(wall_ms=lambda: 1_700_000_000_000, random=random.Random(7))
        return [clock.new_id(), clock.new_id(), clock.jitter(3)]

    assert drawn() == drawn()
    first, second, _ = drawn()
    assert first != second


def test_ids_sort_by_time() -> None:
    now = iter([1_000, 2_000])
    clock = Clock(wall_ms=lambda: next(now))
    assert clock.new_id() < clock.new_id()


def test_jitter_grows_to_its_cap_and_never_overflows() -> None:
    clock = Clock(random=random.Random(1))
    assert all(0 <= clock.jitter(0) <= 0.1 for _ in range(100))
    assert all(clock.jitter(10_000, cap=2.0) <= 2.0 for _ in range(100))
    assert max(clock.jitter(10_000, cap=2.0) for _ in range(100)) > 1.0
