"""Which commits the event loop waits for."""

from __future__ import annotations

from kull_router.queues.sql.pace import PROBE, QUICK, Pace


def test_one_slow_commit_among_quick_ones_changes_nothing() -> None:
    pace = Pace()
    for seconds in (0.0002,) * 20 + (5 * QUICK,) + (0.0002,) * 20:
        assert pace.is_quick()
        pace.took(seconds)


def test_a_slow_disk_is_waited_for_elsewhere_and_tried_again_now_and_then() -> None:
    pace = Pace()
    asked = 0
    while pace.is_quick():
        pace.took(0.05)
        asked += 1
    assert asked <= 2

    tried = sum(pace.is_quick() for _ in range(10 * PROBE))
    assert tried == 10


def test_a_disk_that_is_quick_again_is_noticed() -> None:
    pace = Pace()
    pace.took(10 * QUICK)
    for _ in range(20 * PROBE):
        if pace.is_quick():
            pace.took(0.0002)
    assert all(pace.is_quick() for _ in range(PROBE))
