"""What a session goes on from, and what it tells when events are lost."""

from __future__ import annotations

import pytest

from kull_client.event import Position
from tests.unit.client.sessions import (
    NOW,
    deliveries,
    events,
    joined,
    opened,
    process,
    stored,
    text,
    welcome,
)


def test_a_position_of_an_earlier_process_is_gone_on_from() -> None:
    session = opened(Position(epoch="e1", after={"user": 5}), after=5, head=6)

    assert [event.seq for event in events(session, stored(5), stored(6))] == [6]


@pytest.mark.parametrize("how", ["welcome", "joined", "recovery_lost"])
def test_lost_events_are_told_in_order_and_the_queue_starts_over(how: str) -> None:
    session = opened()
    process(session, stored(7))
    lost = {
        "welcome": welcome(recovered=False, head=20),
        "joined": text("JOINED", {"queue": "user", "head": 20, "after": 0, "recovered": False}),
        "recovery_lost": text("RECOVERY_LOST", {"queue": "user", "head": 20}),
    }[how]

    got = events(session, lost, stored(3), stored(21))

    assert [event.type for event in got] == ["RECOVERY_LOST", "CREDIT_UPDATE", "CREDIT_UPDATE"]
    assert got[0].data == {"queue": "user", "head": 20}
    assert [event.seq for event in got] == [None, 3, 21]


def test_another_epoch_makes_all_positions_void() -> None:
    session = opened()
    process(session, stored(7), stored(9, queue="all"))
    session.received(welcome(epoch="e2", recovered=False), NOW)

    assert session.position == Position(epoch="e2")
    assert [event.seq for event in events(session, stored(1), stored(1, queue="all"))] == [1, 1]


def test_a_device_that_comes_back_under_another_id_is_told_what_it_missed() -> None:
    """Without a position the server takes it for a first contact, which starts at the head."""
    session = opened(device="web-1", head=1)
    session.received(joined(head=4), NOW)

    got = events(session, welcome(device="web-2", head=3), joined(head=6))

    assert [(event.type, event.queue) for event in got] == [
        ("RECOVERY_LOST", "user"),
        ("RECOVERY_LOST", "all"),
    ]


def test_another_id_loses_nothing_if_nothing_happened() -> None:
    session = opened(device="web-1", head=2)
    session.received(joined(head=4), NOW)
    events(session, stored(3))

    got = events(session, welcome(device="web-2", head=3), joined(head=4), stored(4))

    assert [(event.type, event.seq) for event in got] == [("CREDIT_UPDATE", 4)]


def test_another_id_loses_nothing_if_the_server_knows_its_position() -> None:
    session = opened(device="web-1", head=1)
    process(session, stored(2))

    got = events(session, welcome(device="web-2", after=2, head=3), stored(3))

    assert [event.seq for event in got] == [3]


def test_the_same_id_continues_from_the_cursor_that_the_server_keeps() -> None:
    session = opened(head=1)

    assert [event.seq for event in events(session, welcome(head=3), stored(3))] == [3]


def test_another_epoch_is_told_even_if_nothing_was_processed_before() -> None:
    session = opened(head=1)

    got = events(session, welcome(epoch="e2", head=1))

    assert [event.type for event in got] == ["RECOVERY_LOST"]


def test_an_event_of_before_the_start_over_moves_no_position() -> None:
    session = opened()
    (old,) = deliveries(session, stored(15))
    session.received(welcome(recovered=False, head=20), NOW)
    events(session, stored(3))

    session.processed(old, NOW)

    assert session.position.after == {}
    assert session.acks.take() == {}


def test_what_came_before_a_loss_on_the_same_connection_is_still_acknowledged() -> None:
    """Else a full window would stay full for ever."""
    session = opened()
    waiting = deliveries(session, stored(1), stored(2))
    events(session, text("RECOVERY_LOST", {"queue": "user", "head": 20}))

    session.processed(waiting[-1], NOW)

    assert session.acks.take() == {"user": 2}


def test_another_connection_is_a_fresh_one() -> None:
    session = opened()
    session.received(text("STALE", {"queue": "user", "since": 5_000}), NOW)

    session.received(welcome(), NOW)

    assert session.stale_since == 0


def test_each_connection_says_whether_it_is_a_first_contact() -> None:
    session = opened(first=True)
    assert session.first

    session.received(welcome(), NOW)

    assert not session.first
