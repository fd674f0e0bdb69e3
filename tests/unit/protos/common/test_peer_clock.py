"""A moment of an edge's clock is read on the router's, whatever either shows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kull_protos.common.peer_clock import QUIET, WINDOW, PeerClock


def test_without_a_word_of_the_edge_a_moment_is_now() -> None:
    clock = PeerClock()
    assert clock.here(77, 5.0) == 5000
    clock.heard(0, 5.0)
    assert clock.here(77, 5.0) == 5000
    clock.heard(10_000, 5.0)
    assert clock.here(0, 6.0) == 6000


@given(
    st.integers(-(10**9), 10**9),
    st.lists(st.floats(0.001, 0.2), min_size=1, max_size=50),
    st.integers(0, 60_000),
)
def test_a_moment_is_right_to_the_quickest_message(
    ahead_ms: int, delays: list[float], ago_ms: int
) -> None:
    clock, now = PeerClock(), 2 * 10.0**6
    for delay in delays:
        now += 0.05
        clock.heard(round(now * 1000) + ahead_ms, now + delay)
    opened = round(now * 1000) - ago_ms

    here = clock.here(opened + ahead_ms, now + 1)

    assert min(delays) * 1000 - 2 <= here - opened <= max(delays) * 1000 + 2


@pytest.mark.parametrize("held_up", [0.5, 3.0, 20.0, QUIET - 2])
def test_a_message_that_was_held_up_is_told_by_those_before_it(held_up: float) -> None:
    clock, now = PeerClock(), 100.0
    for _ in range(20):
        now += 1
        clock.heard(round(now * 1000), now + 0.01)
    sent = now + 1

    clock.heard(round(sent * 1000), sent + held_up)

    assert clock.here(round(sent * 1000), sent + held_up) == round(sent * 1000 + 10)


def test_a_clock_that_stood_still_is_believed_again_soon() -> None:
    clock, now = PeerClock(), 100.0
    clock.heard(100_000, now)
    for _ in range(30):  # the edge's machine was halted for 40 s: its clock is behind from now on
        now += 1
        clock.heard(round((now - 40) * 1000), now)
    assert now - 100 > 2 * WINDOW
    assert clock.here(round((now - 40) * 1000), now) == round(now * 1000)


def test_what_a_message_waited_on_its_way_is_what_it_came_later_than_the_quickest() -> None:
    clock = PeerClock()
    assert clock.sent_at() is None
    clock.heard(1_000_000.0, 50.0)  # its way counts as no time: nothing tells how long it was
    assert clock.sent_at() == pytest.approx(50.0)
    clock.heard(1_001_000.0, 51.2)
    assert clock.sent_at() == pytest.approx(51.0)
    clock.heard(0, 52.0)
    assert clock.sent_at() is None
