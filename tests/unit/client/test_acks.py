"""Acknowledgements are lazy, cumulative, and never later than the window allows."""

from __future__ import annotations

import pytest

from kull_client.acks import DELAY, MAX_BYTES, LazyAcks


def filled(events: int, *, window: int = 64, size: int = 100, delay: float = DELAY) -> LazyAcks:
    acks = LazyAcks()
    acks.opened(window, delay)
    for number in range(1, events + 1):
        acks.add("user", number, size, now=100.0 + number / 1000)
    return acks


@pytest.mark.parametrize("delay", [0.0, 0.05, DELAY, 20.0])
def test_a_single_event_is_acknowledged_after_the_servers_delay(delay: float) -> None:
    assert filled(1, delay=delay).at == pytest.approx(100.001 + delay)


def test_further_events_do_not_put_it_off() -> None:
    assert filled(31).at == pytest.approx(100.001 + DELAY)


@pytest.mark.parametrize(("window", "events"), [(64, 32), (8, 4), (2, 1), (1, 1), (300, 150)])
def test_half_a_window_is_acknowledged_at_once(window: int, events: int) -> None:
    assert filled(events, window=window).at == pytest.approx(100.0 + events / 1000)


def test_many_bytes_are_acknowledged_at_once() -> None:
    assert filled(1, size=MAX_BYTES).at == pytest.approx(100.001)


def test_each_queue_gets_one_cumulative_acknowledgement() -> None:
    acks = filled(5)
    acks.add("all", 7, 100, now=100.1)
    acks.add("user", 2, 100, now=100.1)

    assert acks.take() == {"user": 5, "all": 7}


def test_nothing_is_acknowledged_of_a_queue_that_is_followed_no_more() -> None:
    acks = filled(5)
    acks.add("room:x", 1, 100, now=100.1)
    acks.forget("room:x")
    acks.forget("room:y")

    assert acks.take() == {"user": 5}


def test_nothing_is_due_after_it_was_taken() -> None:
    acks = filled(40)
    acks.take()

    assert acks.at is None
    assert acks.take() == {}


def test_a_new_connection_owes_nothing_of_the_old_one() -> None:
    acks = filled(5)
    acks.opened(64, DELAY)

    assert acks.at is None
