"""When to connect again, and when to give up."""

from __future__ import annotations

import pytest

from kull_client.errors import GaveUp
from kull_client.reconnect import STABLE_AFTER, Ended, Reconnecting


def test_it_gives_up_after_so_many_failures_in_a_row() -> None:
    reconnecting = Reconnecting(max_attempts=3, random=lambda: 1.0)

    assert reconnecting.after(Ended(why="refused")) == 2.0
    assert reconnecting.after(Ended(why="refused")) == 4.0
    with pytest.raises(GaveUp, match="3 attempts; the last one: no route") as caught:
        reconnecting.after(Ended(why="no route"))
    assert caught.value.attempts == 3


def test_a_stable_connection_starts_the_count_again() -> None:
    reconnecting = Reconnecting(max_attempts=3, random=lambda: 1.0)
    reconnecting.after(Ended(why="refused"))
    reconnecting.after(Ended(why="refused"))

    assert reconnecting.after(Ended(why="lost", lasted=STABLE_AFTER)) == 1.0
    assert reconnecting.after(Ended(why="refused")) == 2.0


def test_a_connection_that_never_lasts_does_not_start_the_count_again() -> None:
    reconnecting = Reconnecting(max_attempts=2, random=lambda: 0.0)
    reconnecting.after(Ended(why="lost", lasted=STABLE_AFTER - 0.1))

    with pytest.raises(GaveUp):
        reconnecting.after(Ended(why="lost", lasted=STABLE_AFTER - 0.1))


def test_it_never_gives_up_without_a_limit() -> None:
    reconnecting = Reconnecting(max_attempts=None, random=lambda: 1.0)

    delays = [reconnecting.after(Ended(why="refused")) for _ in range(2_000)]

    assert delays[-1] == 30.0


def test_it_stays_away_as_long_as_the_server_asks() -> None:
    reconnecting = Reconnecting(max_attempts=None, random=lambda: 1.0)

    assert reconnecting.after(Ended(why="leaving", lasted=60.0, asked=7.5)) == 7.5


def test_a_server_that_always_asks_for_no_delay_is_backed_off_from() -> None:
    reconnecting = Reconnecting(max_attempts=None, random=lambda: 1.0)
    leaving = Ended(why="leaving", asked=0.0)

    assert [reconnecting.after(leaving) for _ in range(3)] == [0.0, 4.0, 8.0]


def test_a_replacement_is_believed_of_an_old_connection_and_the_second_time() -> None:
    reconnecting = Reconnecting(max_attempts=None, random=lambda: 1.0)

    assert not reconnecting.believes_replaced(lasted=20.0, now=1_000.0)
    assert reconnecting.believes_replaced(lasted=3.0, now=1_010.0)
    assert not reconnecting.believes_replaced(lasted=90.0, now=1_100.0)
    assert reconnecting.believes_replaced(lasted=400.0, now=2_000.0)
