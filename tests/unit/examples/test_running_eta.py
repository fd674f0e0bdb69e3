from __future__ import annotations

from running_eta import RunningEta


def test_a_steady_pace_counts_down() -> None:
    eta = RunningEta(4, now=10.0)

    assert [eta.item_done(now=10.0 + 2 * n) for n in (1, 2, 3, 4)] == [6.0, 4.0, 2.0, 0.0]


def test_only_the_last_items_count() -> None:
    eta = RunningEta(10, now=0.0, window=2)
    eta.item_done(now=100.0)
    eta.item_done(now=101.0)

    assert eta.item_done(now=102.0) == 7.0


def test_more_items_than_announced_never_make_it_negative() -> None:
    eta = RunningEta(1, now=0.0)
    eta.item_done(now=1.0)

    assert eta.item_done(now=2.0) == 0.0
