"""An edge remembers what came and how connections ended, and tells how its sessions stand."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from kull_edge.hub import Hub
from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.unit.edge.hubs import (
    MAYA,
    WALL_MS,
    attached,
    connect,
    make_hub,
    owned,
    push,
    sent,
    subscribed,
    welcome,
)


@pytest.fixture
def hub() -> Hub:
    """One session of Maya's Mac, live."""
    made = make_hub()
    attached(made)
    return made


def recalled(hub: Hub, now: float = 10.0, **asked: Any) -> pb.Recalled:
    asked.setdefault("address", MAYA)
    asked.setdefault("user_id", "maya")
    frame = pb.AttachResponse(recall=pb.Recall(request_id=9, **asked))
    (answer,) = sent(hub.link_frame("r", frame, now), "recalled")
    assert answer.request_id == 9
    found: pb.Recalled = answer
    return found


def told(answer: pb.Recalled) -> list[tuple[str, int, int]]:
    return [(fact.kind, fact.first, fact.last) for fact in answer.facts]


def test_what_came_is_one_fact_for_a_push(hub: Hub) -> None:
    hub.link_frame("r", push(1, 3), 5.0)

    answer = recalled(hub, seq=2)

    assert told(answer) == [("pushed", 1, 3)]
    assert answer.facts[0].at == WALL_MS - 5_000
    assert answer.since == WALL_MS - 5_000
    assert answer.now == WALL_MS
    assert told(recalled(hub, seq=4)) == []


def test_facts_are_told_in_their_order_although_time_passes_while_they_are_told() -> None:
    passing = count(WALL_MS)
    hub = make_hub(wall_ms=lambda: next(passing))
    attached(hub)
    for seq in range(1, 5):
        hub.link_frame("r", push(seq, seq), 5.0)

    answer = recalled(hub)

    assert len(answer.facts) == 4
    assert {fact.at for fact in answer.facts} == {answer.now - 5_000}


def test_a_push_that_no_session_here_heeds_is_no_fact(hub: Hub) -> None:
    hub.link_frame("another", push(1, 3), 5.0)
    hub.link_frame("r", push(1, 3, term=0), 5.0)

    assert told(recalled(hub)) == []


def test_what_only_counts_now_is_no_fact(hub: Hub) -> None:
    hub.link_frame("r", push(0, 0), 5.0)

    answer = recalled(hub)

    assert told(answer) == []
    assert answer.since == 0
    hub.link_frame("r", push(0, 2), 5.0)
    assert told(recalled(hub)) == [("pushed", 1, 2)]


def test_how_a_session_stands_is_told(hub: Hub) -> None:
    hub.link_frame("r", push(1, 3), 5.0)
    hub.writable(1, False, 5.0)

    answer = recalled(hub)

    assert list(answer.following) == [
        pb.Following(
            session_id=1,
            user_id="maya",
            device_id="mac",
            address=MAYA,
            mode="live",
            through=3,
            unacknowledged=3,
        )
    ]
    assert "unwritable" in {fact.kind for fact in answer.facts}
    hub.writable(1, True, 6.0)
    assert recalled(hub).following[0].writable


def test_only_the_user_the_device_and_the_queue_that_were_asked_for_are_told(hub: Hub) -> None:
    assert not recalled(hub, device_id="phone").following
    assert not recalled(hub, user_id="otto").following
    assert not recalled(hub, user_id="").following
    assert not recalled(hub, address="room:r").following
    assert recalled(hub, address="all", device_id="mac").following[0].address == "all"
    assert recalled(hub, address="", device_id="mac").following[0].address == MAYA


def test_what_was_caught_up_with_is_a_fact_of_the_device() -> None:
    hub = make_hub()
    hub.link_up("r", welcome(), 0)
    hub.link_frame("r", owned(1), 0)
    connect(hub)
    (fetch,) = sent(hub.link_frame("r", subscribed(1, head=2), 0), "fetch")
    batch = pb.Batch(
        request_id=fetch.request_id,
        session_id=1,
        address=MAYA,
        term=1,
        entries=[pb.Entry(seq=seq, message=b"{}") for seq in (1, 2)],
        through=2,
        head=2,
    )
    hub.link_frame("r", pb.AttachResponse(batch=batch), 6.0)

    (fact,) = recalled(hub, seq=2).facts

    assert (fact.kind, fact.user_id, fact.device_id) == ("caught-up", "maya", "mac")
    assert (fact.first, fact.last) == (1, 2)


def test_a_connection_that_the_edge_ends_leaves_its_code_and_reason(hub: Hub) -> None:
    evict = pb.Evict(session_id=1, close_code=4503, reason="again")
    hub.link_frame("r", pb.AttachResponse(evict=evict), 5.0)
    hub.disconnected(1, 5.1)

    (fact,) = recalled(hub).facts

    assert (fact.kind, fact.code, fact.text) == ("closed", 4503, "again")
    assert (fact.user_id, fact.device_id) == ("maya", "mac")


def test_a_connection_that_ends_by_itself_leaves_no_code(hub: Hub) -> None:
    hub.disconnected(1, 5.0)

    assert told(recalled(hub)) == [("gone", 0, 0)]
    assert recalled(hub).facts[0].code == 0


def test_a_peer_that_is_dead_is_gone_with_the_reason() -> None:
    hub = make_hub(keepalive=10, pong_timeout=5)
    attached(hub)
    for now in (10.0, 15.0, 20.0):
        hub.due(now)

    (fact,) = recalled(hub, now=20.0).facts

    assert (fact.kind, fact.text) == ("gone", "no_pong")


def test_who_sends_too_much_is_noted_as_often_as_it_is_told(hub: Hub) -> None:
    for number in range(50):
        hub.throttled(1, 5.0 + number / 100)

    assert told(recalled(hub)) == [("throttled", 0, 0)]


def test_a_connection_that_has_not_said_whose_it_is_leaves_nothing() -> None:
    hub = make_hub()
    hub.link_up("r", welcome(), 0)
    connect(hub, token="")
    hub.disconnected(1, 1.0)

    assert told(recalled(hub)) == []


def test_whose_token_no_router_has_believed_leaves_only_what_this_edge_did() -> None:
    hub = make_hub()
    hub.link_up("r", welcome(), 0)
    hub.link_frame("r", owned(1), 0)
    connect(hub)
    hub.writable(1, False, 1.0)
    hub.throttled(1, 1.0)
    hub.disconnected(1, 2.0)
    assert told(recalled(hub)) == []

    connect(hub)
    refused = pb.Refused(session_id=1, address=MAYA, close_code=4500, reason="malformed")
    hub.link_frame("r", pb.AttachResponse(refused=refused), 3.0)

    (fact,) = recalled(hub).facts
    assert (fact.kind, fact.code) == ("closed", 4500)


def test_of_a_page_behind_trimmed_entries_only_what_lay_there_was_caught_up_with() -> None:
    hub = make_hub()
    hub.link_up("r", welcome(), 0)
    hub.link_frame("r", owned(1), 0)
    connect(hub)
    (fetch,) = sent(hub.link_frame("r", subscribed(1, head=5), 0), "fetch")
    batch = pb.Batch(
        request_id=fetch.request_id,
        session_id=1,
        address=MAYA,
        term=1,
        entries=[pb.Entry(seq=seq, message=b"{}") for seq in (4, 5)],
        through=5,
        head=5,
    )
    hub.link_frame("r", pb.AttachResponse(batch=batch), 6.0)

    assert told(recalled(hub)) == [("caught-up", 4, 5)]
