"""Deadlines come due once, in order, and cost no memory once cancelled."""

from __future__ import annotations

from kull_edge.placement.credits import Credits
from kull_edge.timers import Timers
from kull_protos.common.backoff import full_jitter


def test_deadlines_come_due_in_order_and_once() -> None:
    timers: Timers[str] = Timers()
    timers.schedule("b", 2)
    timers.schedule("a", 1)

    assert timers.next_at == 1
    assert timers.due(0.9) == []
    assert timers.due(2) == ["a", "b"]
    assert timers.due(9) == []
    assert timers.next_at is None


def test_a_later_deadline_replaces_the_earlier_one() -> None:
    timers: Timers[str] = Timers()
    timers.schedule("a", 1)
    timers.schedule("a", 5)

    assert timers.due(4) == []
    assert timers.next_at == 5


def test_a_cancelled_deadline_never_comes() -> None:
    timers: Timers[str] = Timers()
    timers.schedule("a", 1)
    timers.cancel("a")
    timers.cancel("a")

    assert timers.next_at is None
    assert timers.due(9) == []


def test_rescheduling_for_ever_does_not_grow() -> None:
    timers: Timers[int] = Timers()
    for n in range(10_000):
        timers.schedule(n % 10, n)

    assert len(timers) == 10
    assert len(timers._heap) < 100


def test_credits_serve_in_order_and_bound_what_is_open() -> None:
    line: Credits[str] = Credits(2)
    for key in "abca":
        line.want(key)

    assert [line.take(), line.take(), line.take()] == ["a", "b", None]
    line.forget("c")
    line.give()
    assert line.take() is None
    line.want("d")
    assert line.take() == "d"


def test_the_wait_is_jittered_and_capped() -> None:
    import random

    rng = random.Random(7)
    waits = [full_jitter(n, base=0.2, cap=5, random=rng.random) for n in range(1, 200)]

    assert all(0 <= wait <= 5 for wait in waits)
    assert max(waits) > 4.5
    assert full_jitter(1, base=0.2, cap=5, random=rng.random) <= 0.4
