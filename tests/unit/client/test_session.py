"""What a device knows across connections."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kull_client.errors import BadMessage
from kull_client.event import Event, Position
from kull_client.session import Accepted, Delivery, Reconnect, Refused, Session, Staleness
from tests.unit.client.sessions import (
    NOW,
    deliveries,
    events,
    opened,
    presence,
    process,
    stored,
    text,
    welcome,
)


def test_welcome_says_who_this_device_is() -> None:
    session = opened(devices=[{"deviceId": "tab", "platform": "web"}, {"deviceId": "mac"}])

    assert (session.user_id, session.device_id) == ("maya", "mac")
    assert [device.device_id for device in session.devices] == ["mac", "tab"]


def test_an_event_has_the_fields_of_its_frame() -> None:
    message = stored(3, queue="all", timestamp=17, deviceId="phone", userId="maya", new="field")

    assert events(opened(), message) == [
        Event(
            type="CREDIT_UPDATE",
            data={"newBalance": 3},
            seq=3,
            queue="all",
            id="id-3",
            timestamp=17,
            device_id="phone",
            user_id="maya",
        )
    ]


def test_received_is_not_processed() -> None:
    session = opened()
    events(session, stored(1), stored(2))

    assert session.position == Position(epoch="e1")
    assert session.acks.take() == {}


def test_processed_is_the_position_and_will_be_acknowledged() -> None:
    session = opened()
    process(session, stored(1), stored(4))

    assert session.position == Position(epoch="e1", after={"user": 4})
    assert session.acks.take() == {"user": 4}


def test_a_repeat_is_dropped() -> None:
    session = opened()

    assert [event.seq for event in events(session, stored(1), stored(2), stored(1))] == [1, 2]


def test_a_repeat_of_something_processed_is_acknowledged_again() -> None:
    session = opened()
    process(session, stored(1), stored(2))
    session.received(welcome(after=0, head=2), NOW)

    assert events(session, stored(1), stored(2)) == []
    assert session.acks.take() == {"user": 2}


def test_a_repeat_of_something_that_still_waits_is_not_acknowledged() -> None:
    session = opened()
    (waiting,) = deliveries(session, stored(1))
    session.received(welcome(), NOW)

    assert events(session, stored(1)) == []
    assert session.acks.take() == {}
    session.processed(waiting, NOW)
    assert session.acks.take() == {"user": 1}


def test_queues_count_apart() -> None:
    session = opened()
    session.received(
        text("JOINED", {"queue": "all", "head": 9, "after": 9, "recovered": True}), NOW
    )
    process(session, stored(1), stored(10, queue="all"))

    assert session.position.after == {"user": 1, "all": 10}


def test_devices_come_and_go() -> None:
    session = opened(devices=[{"deviceId": "mac"}])

    events(session, presence("CONNECTED", 1, [1, 5]))
    assert [device.device_id for device in session.devices] == ["mac", "tab"]
    events(session, presence("DISCONNECTED", 2, [1, 5]))
    assert [device.device_id for device in session.devices] == ["mac"]


def test_late_news_of_an_earlier_session_does_not_remove_a_device() -> None:
    session = opened()

    events(session, presence("CONNECTED", 1, [1, 6]), presence("DISCONNECTED", 2, [1, 5]))

    assert [device.device_id for device in session.devices] == ["tab"]


def test_the_answers_of_the_server_find_their_message() -> None:
    session = opened()

    assert session.received(text("ACCEPTED", {"ref": "1", "id": "x"}), NOW) == [Accepted("1", "x")]
    assert session.received(text("ERROR", {"code": "busy", "message": "m", "ref": "2"}), NOW) == [
        Refused("2", "busy", "m")
    ]
    assert session.received(text("RECONNECT", {"after": 1500}), NOW) == [Reconnect(1.5)]


def test_messages_of_a_newer_server_are_ignored() -> None:
    assert opened().received(text("CONFETTI", {"colour": "blue"}), NOW) == []


@pytest.mark.parametrize(
    ("message", "why"),
    [
        ("{", "not JSON"),
        ("[]", "without a type"),
        ('{"data":{}}', "without a type"),
        ('{"type":"CREDIT_UPDATE","data":[],"id":"1"}', "data is not an object"),
        ('{"type":"CREDIT_UPDATE","data":{},"id":"1","seq":"7"}', "seq must be a whole number"),
        ('{"type":"CREDIT_UPDATE","data":{},"id":"1","seq":true}', "seq must be a whole number"),
        ('{"type":"CREDIT_UPDATE","data":{},"id":1}', "id must be a string"),
        ('{"type":"WELCOME","data":{"epoch":"e"}}', "queue must be an object"),
        ('{"type":"WELCOME","data":{"queue":{"queue":"user"}}}', "head must be a whole number"),
    ],
)
def test_what_is_not_the_protocol_is_told(message: str, why: str) -> None:
    with pytest.raises(BadMessage, match=why):
        Session().received(message, NOW)


def test_what_is_nested_too_deep_is_skipped_and_acknowledged() -> None:
    session = opened()
    deep = '{"seq":7,"queue":"all","type":"X","data":{"a":' + "[" * 100_000 + "]" * 100_000 + "}}"

    (skipped,) = deliveries(session, deep)
    session.processed(skipped, NOW)

    assert skipped.problem is not None
    assert (skipped.problem.queue, skipped.problem.seq) == ("all", 7)
    assert session.acks.take() == {"all": 7}


def test_an_event_that_cannot_be_read_and_comes_again_is_told_once() -> None:
    session = opened()
    unreadable = text("CREDIT_UPDATE", seq=1, id=5)

    assert [each.problem is None for each in process(session, unreadable)] == [False]
    assert deliveries(session, unreadable) == []


def test_a_binary_frame_is_told() -> None:
    with pytest.raises(BadMessage, match="binary"):
        Session().received(b"x", NOW)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("push"), st.integers(1, 4)),
            st.tuples(st.just("process"), st.integers(1, 4)),
            st.tuples(st.just("reconnect"), st.just(0)),
        ),
        max_size=60,
    )
)
def test_every_entry_reaches_the_application_once_and_in_order(
    script: list[tuple[str, int]],
) -> None:
    """The server goes on from the position, and so repeats what was received but not processed."""
    session = opened()
    head = sent = 0
    waiting: list[Delivery] = []
    seen: list[int] = []
    for step, many in [*script, ("reconnect", 0), ("push", 1), ("process", 1_000)]:
        match step:
            case "push":
                head += many
                for seq in range(sent + 1, head + 1):
                    waiting += deliveries(session, stored(seq))
                sent = head
            case "process":
                done, waiting = waiting[:many], waiting[many:]
                for delivery in done:
                    session.processed(delivery, NOW)
                    seen.append(delivery.event.seq or 0)
            case "reconnect":
                sent = session.position.after.get("user", 0)
                session.received(welcome(after=sent, head=head), NOW)

    assert seen == list(range(1, head + 1))
    assert session.position.after == {"user": head}


def test_a_session_is_stale_until_every_queue_is_served_again() -> None:
    session = opened()
    assert session.stale_since == 0

    assert session.received(text("STALE", {"queue": "user", "since": 5_000}), NOW) == [Staleness()]
    session.received(text("STALE", {"queue": "all", "since": 4_000}), NOW)
    assert session.stale_since == 4_000
    session.received(text("FRESH", {"queue": "all"}), NOW)
    assert session.stale_since == 5_000
    assert session.received(text("FRESH", {"queue": "user"}), NOW) == [Staleness()]
    assert session.stale_since == 0
