"""JOIN and LEAVE on an open connection. No sockets, a clock of ours."""

from __future__ import annotations

import json
from typing import Any

from kull_edge.hub import Hub
from kull_edge.protocol.handshake import Handshake
from kull_edge.session.effects import Effect, Limited
from kull_protos.contract.shard import shard_of
from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.unit.edge.hubs import (
    MAYA,
    SHARDS,
    attached,
    closes,
    connect,
    make_hub,
    owned,
    push,
    sent,
    subscribed,
    welcome,
    written,
)

ROOM = "room:wedding"


def say(hub: Hub, kind: str, queue: str = ROOM, **fields: Any) -> list[Effect]:
    return hub.text(1, json.dumps({"type": kind, "queue": queue} | fields), 0.0)


def refused(address: str = ROOM, **more: Any) -> pb.AttachResponse:
    answer = pb.Refused(session_id=1, address=address, close_code=4500, reason="no", **more)
    return pb.AttachResponse(refused=answer)


def told(effects: list[Effect]) -> list[tuple[str, dict[str, Any]]]:
    return [(frame["type"], frame["data"]) for frame in written(effects, 1)]


def joined(**options: Any) -> Hub:
    hub = make_hub(**options)
    attached(hub)
    say(hub, "JOIN")
    hub.link_frame("r", subscribed(1, address=ROOM), 0)
    return hub


def test_a_room_is_followed_with_a_cursor_of_its_own() -> None:
    hub = make_hub()
    attached(hub)

    [request] = sent(say(hub, "JOIN", ref=7), "subscribe")
    assert (request.address, request.HasField("position")) == (ROOM, False)
    answer = hub.link_frame("r", subscribed(1, address=ROOM, head=3, after=3), 0)

    place = {"queue": ROOM, "head": 3, "after": 3, "recovered": True, "ref": 7}
    assert told(answer) == [("JOINED", place)]
    assert len(written(hub.link_frame("r", push(4, 5, address=ROOM), 0), 1)) == 2
    acknowledged = hub.text(1, json.dumps({"type": "ACK", "seq": 4, "queue": ROOM}), 0.0)
    [acks] = sent(acknowledged, "acks")
    assert [(ack.address, ack.seq) for ack in acks.acks] == [(ROOM, 4)]


def test_a_device_says_where_it_stands_with_join_or_had_said_it_with_hello() -> None:
    hub = make_hub()
    hub.link_up("r", welcome(), 0)
    hub.link_frame("r", owned(1), 0)
    after = {ROOM: 8}
    hub.connected(1, Handshake(v2=True, token="maya:mac", epoch="e", after=after), 0.0)
    hub.link_frame("r", subscribed(1), 0)
    hub.link_frame("r", subscribed(1, address="all"), 0)

    [with_join] = sent(say(hub, "JOIN", "room:other", after=5), "subscribe")
    [with_hello] = sent(say(hub, "JOIN"), "subscribe")

    assert (with_join.position.epoch, with_join.position.seq) == ("e", 5)
    assert (with_hello.position.epoch, with_hello.position.seq) == ("e", 8)
    hub.link_frame("r", subscribed(1, address=ROOM, head=9, after=9), 0)
    say(hub, "LEAVE")
    [again] = sent(say(hub, "JOIN"), "subscribe")
    assert not again.HasField("position"), "HELLO's position is old by now"


def test_a_room_that_the_token_does_not_grant_is_an_error_and_the_connection_stays() -> None:
    hub = make_hub()
    attached(hub)
    say(hub, "JOIN", ref="r")

    answer = hub.link_frame("r", refused(keep_session=True), 0)

    error = {"code": "forbidden", "message": "no", "ref": "r"}
    assert told(answer) == [("ERROR", error)]
    assert closes(answer) == []
    assert len(sent(say(hub, "JOIN"), "subscribe")) == 1, "it may try again, with another token"


def test_a_room_whose_right_has_ended_is_left_with_a_notice() -> None:
    hub = joined()

    answer = hub.link_frame("r", refused(keep_session=True), 0)

    assert told(answer) == [("LEFT", {"queue": ROOM, "reason": "no"})]
    assert written(hub.link_frame("r", push(1, 1, address=ROOM), 0), 1) == []


def test_leave_gives_back_what_was_processed_and_ends_the_pushes() -> None:
    hub = joined()
    hub.link_frame("r", push(1, 2, address=ROOM), 0)
    for seq in (1, 2):
        hub.text(1, json.dumps({"type": "ACK", "seq": seq, "queue": ROOM}), 0.0)

    left = say(hub, "LEAVE", ref=1)

    assert told(left) == [("LEFT", {"queue": ROOM, "ref": 1})]
    [acks] = sent(left, "acks")
    assert acks.acks[0].seq == 2
    assert [gone.address for gone in sent(left, "unsubscribe")] == [ROOM]
    assert written(hub.link_frame("r", push(3, 3, address=ROOM), 0), 1) == []
    assert hub.queue_count == 2


def test_both_may_be_said_twice() -> None:
    hub = joined()
    hub.link_frame("r", push(1, 1, address=ROOM), 0)

    again = say(hub, "JOIN", after=0, ref=2)
    assert sent(again, "subscribe") == []
    place = {"queue": ROOM, "head": 1, "after": 1, "recovered": True, "ref": 2}
    assert told(again) == [("JOINED", place)]

    say(hub, "LEAVE")
    assert told(say(hub, "LEAVE", ref=3)) == [("LEFT", {"queue": ROOM, "ref": 3})]


def test_a_leave_waits_for_the_answer_to_the_join() -> None:
    hub = make_hub()
    attached(hub)
    say(hub, "JOIN", ref=1)

    assert say(hub, "LEAVE", ref=2) == []
    assert [data["code"] for _, data in told(say(hub, "JOIN"))] == ["busy"]
    answer = hub.link_frame("r", subscribed(1, address=ROOM), 0)

    assert [(kind, data["ref"]) for kind, data in told(answer)] == [("JOINED", 1), ("LEFT", 2)]
    assert len(sent(answer, "unsubscribe")) == 1
    assert len(sent(say(hub, "JOIN"), "subscribe")) == 1


def test_rooms_per_connection_are_bounded() -> None:
    hub = make_hub()
    attached(hub)
    for number in range(32):
        assert len(sent(say(hub, "JOIN", f"room:{number}"), "subscribe")) == 1

    refusal = say(hub, "JOIN")
    assert [data["code"] for _, data in told(refusal)] == ["too_many_rooms"]
    assert Limited("rooms") in refusal
    hub.link_frame("r", subscribed(1, address="room:0"), 0)
    say(hub, "LEAVE", "room:0")
    assert len(sent(say(hub, "JOIN"), "subscribe")) == 1


def test_a_room_moves_to_another_router_from_where_the_device_stands() -> None:
    hub = joined()
    hub.link_frame("r", push(1, 2, address=ROOM), 0)
    hub.text(1, json.dumps({"type": "ACK", "seq": 1, "queue": ROOM}), 0.0)

    hub.link_down("r", 1.0)
    hub.link_up("r2", welcome(), 1.0)
    requests = sent(hub.link_frame("r2", owned(2), 1.0), "subscribe")

    [request] = [each for each in requests if each.address == ROOM]
    assert (request.position.epoch, request.position.seq) == ("e", 1)
    answer = hub.link_frame("r2", subscribed(1, address=ROOM, head=2, after=1, term=2), 1.0)
    assert told(answer) == [], "the device is not told: nothing was lost"


def test_a_leave_during_a_failover_is_done_with_the_next_owner() -> None:
    hub = joined()
    hub.link_down("r", 1.0)
    hub.link_up("r2", welcome(), 1.0)
    hub.link_frame("r2", owned(2), 1.0)

    assert told(say(hub, "LEAVE")) == []
    answer = hub.link_frame("r2", subscribed(1, address=ROOM, term=2), 1.0)

    assert told(answer) == [("LEFT", {"queue": ROOM})]
    assert len(sent(answer, "unsubscribe")) == 1


def test_a_leave_without_any_router_is_done_at_once() -> None:
    hub = joined()
    hub.link_down("r", 1.0)

    assert told(say(hub, "LEAVE")) == [("LEFT", {"queue": ROOM})]
    hub.link_up("r2", welcome(), 2.0)
    requests = sent(hub.link_frame("r2", owned(2), 2.0), "subscribe")
    assert ROOM not in {each.address for each in requests}


def test_a_session_that_ends_leaves_its_rooms() -> None:
    hub = joined()

    gone = {each.address for each in sent(hub.disconnected(1, 1.0), "unsubscribe")}

    assert gone == {"user:maya", "all", ROOM}
    assert hub.queue_count == 0


def test_rooms_need_welcome_and_the_second_dialect() -> None:
    hub = make_hub()
    hub.link_up("r", welcome(), 0)
    hub.link_frame("r", owned(1), 0)
    connect(hub)
    assert told(say(hub, "JOIN"))[0][1]["code"] == "invalid_message"

    plain = make_hub()
    attached(plain, v2=False)
    assert told(say(plain, "JOIN"))[0][1]["code"] == "invalid_message"


def test_typing_needs_a_room_that_is_followed_and_is_answered() -> None:
    hub = joined()

    assert told(say(hub, "TYPING", "room:other"))[0][1]["code"] == "forbidden"
    [request] = sent(say(hub, "TYPING", ref=4), "publish")
    assert (request.type, request.payload) == ("TYPING", ROOM.encode())
    answer = pb.Published(request_id=request.request_id, session_id=1, event_id="e-1")
    assert told(hub.link_frame("r", pb.AttachResponse(published=answer), 0)) == [
        ("ACCEPTED", {"id": "e-1", "ref": 4})
    ]


def test_a_logout_goes_to_the_users_router_and_its_failure_is_told() -> None:
    hub = make_hub()
    attached(hub)

    [request] = sent(hub.text(1, '{"type":"LOGOUT","ref":"bye"}', 0.0), "logout")
    assert request.session_id == 1
    answer = pb.Published(
        request_id=request.request_id, session_id=1, error_code="unavailable", error="later"
    )
    failed = hub.link_frame("r", pb.AttachResponse(published=answer), 0)

    assert told(failed) == [("ERROR", {"code": "unavailable", "message": "later", "ref": "bye"})]
    hub.link_down("r", 1.0)
    assert told(hub.text(1, '{"type":"LOGOUT"}', 1.0))[0][1]["code"] == "unavailable"


def test_signing_a_device_out_goes_to_the_users_router_and_its_answer_is_told() -> None:
    hub = make_hub()
    attached(hub)

    text = '{"type":"SIGN_OUT","deviceId":"phone","ref":3}'
    [request] = sent(hub.text(1, text, 0.0), "sign_out")
    assert (request.session_id, request.device_id) == (1, "phone")
    answer = pb.Published(request_id=request.request_id, session_id=1, event_id="gone-1")
    done = hub.link_frame("r", pb.AttachResponse(published=answer), 0)

    assert told(done) == [("ACCEPTED", {"id": "gone-1", "ref": 3})]
    hub.link_down("r", 1.0)
    assert told(hub.text(1, text, 3.0))[0][1]["code"] == "unavailable"


def test_a_router_that_does_not_take_the_new_token_is_asked_anew_with_it() -> None:
    hub = make_hub()
    attached(hub)
    hub.link_up("r2", welcome(), 0)
    hub.link_frame("r2", owned(2, [shard_of("all", SHARDS)]), 0)
    assert shard_of(MAYA, SHARDS) != shard_of("all", SHARDS)
    hub.link_frame("r2", subscribed(1, address="all", term=2), 0)
    hub.text(1, json.dumps({"type": "REFRESH", "token": "new"}), 0.0)
    hub.link_frame("r", pb.AttachResponse(refreshed=pb.Refreshed(session_id=1)), 0.0)

    refused = pb.Refreshed(session_id=1, error_code="rate_limited", error="wait 3.0 s")
    effects = hub.link_frame("r2", pb.AttachResponse(refreshed=refused), 0.0)

    assert told(effects) == []
    assert [each.address for each in sent(effects, "unsubscribe")] == ["all"]
    [again] = sent(hub.due(10.0), "subscribe")
    assert (again.address, again.token) == ("all", "new")


def test_another_routers_word_is_no_answer_to_a_refresh() -> None:
    hub = make_hub()
    attached(hub)
    hub.link_up("r2", welcome(), 0)
    hub.text(1, json.dumps({"type": "REFRESH", "token": "new"}), 0.0)

    other = pb.AttachResponse(refreshed=pb.Refreshed(session_id=1, error_code="bad_token"))
    assert hub.link_frame("r2", other, 0.0) == []
    own = hub.link_frame("r", pb.AttachResponse(refreshed=pb.Refreshed(session_id=1)), 0.0)
    assert [kind for kind, _ in told(own)] == ["REFRESHED"]
