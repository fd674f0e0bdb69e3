"""All deadlines in one heap."""

from __future__ import annotations

from kull_edge.timers import Timers


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
