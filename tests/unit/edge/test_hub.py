"""The hub alone, with an explicit clock: placing, moving, credits, acknowledgements, deadlines."""

from __future__ import annotations

import json

import pytest

from kull_edge.session.effects import (
    Cut,
    DrainAsked,
    Ping,
    RouterDrains,
    ToRouter,
    UnexpectedFrame,
    Write,
)
from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.unit.edge.hubs import (
    MAYA,
    WALL_MS,
    ack,
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


def test_a_session_waits_for_an_owner_and_subscribes_once_there_is_one() -> None:
    hub = make_hub()
    assert sent(connect(hub), "subscribe") == []
    assert sent(hub.link_up("r", welcome(), 0), "subscribe") == []
    assert not hub.ready

    effects = hub.link_frame("r", owned(3), 0)

    (subscribe,) = sent(effects, "subscribe")
    assert (subscribe.session_id, subscribe.address) == (1, MAYA)
    assert not subscribe.HasField("position")
    assert subscribe.token == "maya:mac"
    assert hub.ready


def test_one_frame_is_shared_by_all_sessions() -> None:
    hub = make_hub()
    attached(hub, 1, token="maya:mac")
    attached(hub, 2, token="maya:phone")

    effects = hub.link_frame("r", push(1, 1), 0)

    first, second = (effect for effect in effects if isinstance(effect, Write))
    assert first.messages[0] is second.messages[0]
    assert first.messages[0].wire is second.messages[0].wire


def test_acknowledgements_are_collected_for_a_moment() -> None:
    hub = make_hub(ack_delay=0.1)
    attached(hub)
    hub.link_frame("r", push(1, 3), 0)
    for seq in (1, 2, 3):
        assert sent(ack(hub, seq, now=1.0), "acks") == []

    assert sent(hub.due(1.05), "acks") == []
    (acks,) = sent(hub.due(1.1), "acks")

    assert [(each.session_id, each.address, each.seq) for each in acks.acks] == [(1, MAYA, 3)]
    assert sent(hub.due(9), "acks") == []


def test_many_acknowledgements_do_not_wait() -> None:
    hub = make_hub(ack_batch=2)
    attached(hub, 1, token="maya:mac")
    attached(hub, 2, token="maya:phone")
    hub.link_frame("r", push(1, 1), 0)
    assert sent(ack(hub, 1, session=1), "acks") == []

    (acks,) = sent(ack(hub, 1, session=2), "acks")

    assert len(acks.acks) == 2


def test_a_session_that_ends_flushes_its_acknowledgement_before_it_unsubscribes() -> None:
    hub = make_hub()
    attached(hub)
    hub.link_frame("r", push(1, 1), 0)
    ack(hub, 1)

    effects = hub.disconnected(1, 0)

    kinds = [e.request.WhichOneof("frame") for e in effects if isinstance(e, ToRouter)]
    assert kinds == ["acks", "unsubscribe", "unsubscribe"]
    assert hub.queue_count == 0
    assert hub.disconnected(1, 0) == []


def test_fetches_keep_within_the_credits_and_are_served_in_turn() -> None:
    hub = make_hub()
    hub.link_up("r", welcome(fetches=2), 0)
    hub.link_frame("r", owned(1), 0)
    fetches = []
    for session in range(1, 5):
        connect(hub, session, token=f"maya:d{session}")
        fetches += sent(hub.link_frame("r", subscribed(session, head=9), 0), "fetch")
    assert [fetch.session_id for fetch in fetches] == [1, 2]

    batch = pb.Batch(
        request_id=fetches[0].request_id,
        session_id=1,
        address=MAYA,
        term=1,
        entries=[pb.Entry(seq=1, message=b"{}")],
        through=1,
        head=9,
    )
    effects = hub.link_frame("r", pb.AttachResponse(batch=batch), 0)

    assert [fetch.session_id for fetch in sent(effects, "fetch")] == [3]
    # Its own next fetch stands at the end of the line.
    hub.disconnected(4, 0)
    batch.request_id, batch.session_id = fetches[1].request_id, 2
    effects = hub.link_frame("r", pb.AttachResponse(batch=batch), 0)
    assert [fetch.session_id for fetch in sent(effects, "fetch")] == [1]


def test_a_fetch_asks_for_what_the_window_takes() -> None:
    hub = make_hub()
    hub.link_up("r", welcome(), 0)
    hub.link_frame("r", owned(1), 0)
    connect(hub)

    (fetch,) = sent(hub.link_frame("r", subscribed(1, head=9, after=5), 0), "fetch")

    assert (fetch.after, fetch.limit, fetch.max_bytes) == (5, 4, 10_000)


def test_a_failed_fetch_is_tried_again_later_and_not_at_once() -> None:
    hub = make_hub()
    hub.link_up("r", welcome(), 0)
    hub.link_frame("r", owned(1), 0)
    connect(hub)
    (fetch,) = sent(hub.link_frame("r", subscribed(1, head=9), 0), "fetch")
    batch = pb.Batch(request_id=fetch.request_id, session_id=1, address=MAYA, error="busy")

    assert sent(hub.link_frame("r", pb.AttachResponse(batch=batch), 10), "fetch") == []

    assert sent(hub.due(10.1), "fetch") == []
    assert len(sent(hub.due(11.1), "fetch")) == 1


def test_a_mass_reconnect_is_a_queue() -> None:
    hub = make_hub(max_subscribes=3)
    for session in range(1, 11):
        connect(hub, session, token=f"maya:d{session}")
    hub.link_up("r", welcome(), 0)
    subscribes = sent(hub.link_frame("r", owned(1), 0), "subscribe")
    assert [each.session_id for each in subscribes] == [1, 2, 3]

    effects = hub.link_frame("r", subscribed(1), 0)
    assert [each.session_id for each in sent(effects, "subscribe")] == [4]
    assert [each.session_id for each in sent(hub.disconnected(2, 0), "subscribe")] == [5]


def test_a_router_that_is_not_the_owner_is_asked_again_later() -> None:
    hub = make_hub()
    hub.link_up("r", welcome(), 0)
    hub.link_frame("r", owned(1), 0)
    connect(hub)
    refused = pb.Refused(session_id=1, address=MAYA, reason="not the owner")

    assert sent(hub.link_frame("r", pb.AttachResponse(refused=refused), 5), "subscribe") == []

    assert len(sent(hub.due(6.1), "subscribe")) == 1


def test_sessions_move_with_their_positions_to_the_owner_of_the_highest_term() -> None:
    hub = make_hub()
    attached(hub)
    hub.link_frame("r", push(1, 3), 0)
    ack(hub, 2)
    hub.link_up("other", welcome(), 0)

    moved = sent(hub.link_frame("other", owned(2), 0), "subscribe")

    assert {each.address for each in moved} == {MAYA, "all"}
    mine = next(each for each in moved if each.address == MAYA)
    assert (mine.position.epoch, mine.position.seq) == ("e", 2)
    assert mine.HasField("generation")
    # The old owner's frames do not count any more, nor does its lower claim.
    assert hub.link_frame("r", push(4, 4), 0) == []
    assert sent(hub.link_frame("r", owned(1), 0), "subscribe") == []
    hub.link_frame("other", subscribed(1, head=3, after=2, term=2), 0)
    assert written(hub.link_frame("other", push(4, 4, term=2), 0), 1) == [{"seq": 4}]


def test_a_fenced_router_does_not_get_sessions_back_when_the_owner_goes() -> None:
    hub = make_hub()
    attached(hub)
    hub.link_up("other", welcome(), 0)
    hub.link_frame("other", owned(2), 0)

    assert sent(hub.link_down("other", 0), "subscribe") == []
    assert not hub.ready

    assert len(sent(hub.link_frame("r", owned(3), 0), "subscribe")) == 2


def test_another_store_makes_all_terms_and_positions_worthless() -> None:
    hub = make_hub()
    hub.link_up("r", welcome(), 0)
    hub.link_frame("r", owned(7), 0)
    connect(hub)
    hub.link_frame("r", subscribed(1, term=7), 0)
    hub.link_down("r", 0)
    hub.link_up("r", welcome(epoch="new"), 0)

    assert len(sent(hub.link_frame("r", owned(1), 0), "subscribe")) == 2

    assert closes(hub.link_frame("r", subscribed(1, epoch="new"), 0)) == [4004]


@pytest.mark.parametrize("v2", [True, False])
def test_a_device_that_retention_passed_by_is_told_and_a_plain_one_by_its_next_welcome(
    v2: bool,
) -> None:
    hub = make_hub()
    attached(hub, v2=v2)
    hub.link_down("r", 0)
    hub.link_up("r", welcome(), 0)
    hub.link_frame("r", owned(1), 0)

    effects = hub.link_frame("r", subscribed(1, head=9, after=9, recovered=False), 0)

    told = [frame["type"] for frame in written(effects, 1)]
    assert (told, closes(effects)) == ((["RECOVERY_LOST"], []) if v2 else (["ERROR"], [4004]))


def test_a_plain_device_has_one_position_ping_open_at_a_time() -> None:
    hub = make_hub()
    attached(hub, v2=False)
    effects = hub.link_frame("r", push(1, 1), 0)
    (ping,) = (effect for effect in effects if isinstance(effect, Ping))
    assert not [e for e in hub.link_frame("r", push(2, 2), 0) if isinstance(e, Ping)]
    assert hub.pong(1, b"other", 0) == []

    # The pong confirms what was written before its ping, and asks for the rest.
    (again,) = hub.pong(1, ping.payload, 0)
    assert isinstance(again, Ping)
    (acks,) = sent(hub.flush_acks(), "acks")
    assert [each.seq for each in acks.acks] == [1]
    assert hub.pong(1, ping.payload, 0) == []
    hub.pong(1, again.payload, 0)
    (acks,) = sent(hub.flush_acks(), "acks")
    assert [each.seq for each in acks.acks] == [2]


def test_silence_is_pinged_after_30_s_and_cut_20_s_later() -> None:
    hub = make_hub()
    attached(hub)
    hub.received(1, 10.0)
    assert hub.due(39.9) == []
    (ping,) = hub.due(40.0)
    assert isinstance(ping, Ping)
    assert hub.due(59.9) == []

    effects = hub.due(60.0)

    assert isinstance(effects[0], Cut)
    assert len(sent(effects, "unsubscribe")) == 2
    assert hub.session_count == 0


def test_any_sign_of_life_restarts_the_silence() -> None:
    hub = make_hub()
    attached(hub)
    assert len(hub.due(30.0)) == 1
    hub.received(1, 31.0)

    assert hub.due(50.0) == []
    assert len(hub.due(61.0)) == 1


def test_a_token_that_expires_ends_the_session() -> None:
    hub = make_hub()
    hub.link_up("r", welcome(), 0)
    hub.link_frame("r", owned(1), 0)
    connect(hub)
    hub.link_frame("r", subscribed(1, expires_at=WALL_MS + 7_000), 5.0)

    assert closes(hub.due(11.9)) == []
    effects = hub.due(12.0)

    assert closes(effects) == [4501]
    assert written(effects, 1)[0]["data"]["code"] == "token_expired"


def test_too_many_unanswered_messages_are_busy() -> None:
    hub = make_hub()
    attached(hub)
    message = json.dumps({"type": "UPDATE_PROGRESS", "payload": {}, "ref": "r"})
    publishes = []
    for _ in range(16):
        publishes += sent(hub.text(1, message, 0), "publish")
    assert len({each.request_id for each in publishes}) == 16

    assert written(hub.text(1, message, 0), 1)[0]["data"]["code"] == "busy"

    answer = pb.Published(request_id=publishes[0].request_id, session_id=1, event_id="x")
    hub.link_frame("r", pb.AttachResponse(published=answer), 0)
    assert len(sent(hub.text(1, message, 0), "publish")) == 1


def test_when_the_router_goes_open_messages_are_answered_unavailable() -> None:
    hub = make_hub()
    attached(hub)
    hub.text(1, '{"type":"UPDATE_PROGRESS","payload":{},"ref":"r"}', 0)

    (error,) = written(hub.link_down("r", 0), 1)

    assert error["data"]["code"] == "unavailable"
    assert error["data"]["ref"] == "r"


def test_a_blocked_socket_pulls_once_it_is_writable() -> None:
    hub = make_hub()
    attached(hub)
    hub.writable(1, False, 0)
    assert hub.link_frame("r", push(1, 1), 0) == []

    assert len(sent(hub.writable(1, True, 0), "fetch")) == 1


def test_a_gap_sends_the_sessions_of_the_address_to_the_log() -> None:
    hub = make_hub()
    attached(hub)

    effects = hub.link_frame("r", pb.AttachResponse(gap=pb.Gap(address=MAYA, term=1)), 0)

    assert [fetch.address for fetch in sent(effects, "fetch")] == [MAYA]


def test_leaving_gives_every_device_its_own_time_slot() -> None:
    hub = make_hub()
    for session in range(1, 6):
        attached(hub, session, token=f"maya:d{session}")

    effects = hub.drain(within=10, now=0)

    slots = {written(effects, session)[0]["data"]["after"] for session in range(1, 6)}
    assert len(slots) > 1
    assert max(slots) < 300  # five devices need no ten seconds
    assert closes(effects) == []


def test_a_device_of_a_leaving_edge_is_served_until_its_slot() -> None:
    hub = make_hub()
    attached(hub)
    slot = written(hub.drain(within=10, now=0), 1)[0]["data"]["after"] / 1000

    assert written(hub.link_frame("r", push(1, 1), slot / 2), 1)[0]["seq"] == 1
    assert closes(hub.due(slot / 2)) == []
    assert closes(hub.due(slot + 0.001)) == [4000]
    assert hub.session_count == 0


def test_many_devices_of_a_leaving_edge_go_within_the_time_allowed() -> None:
    hub = make_hub()
    for session in range(1, 501):
        attached(hub, session, token=f"maya:d{session}")

    effects = hub.drain(within=0.2, now=0)

    slots = [written(effects, session)[0]["data"]["after"] for session in range(1, 501)]
    assert max(slots) <= 200
    assert len(closes(hub.due(0.201))) == 500


def test_frames_for_sessions_that_have_gone_are_harmless() -> None:
    hub = make_hub()
    attached(hub)
    hub.disconnected(1, 0)

    for frame in (
        push(1, 1),
        subscribed(1),
        pb.AttachResponse(refused=pb.Refused(session_id=1, address=MAYA, close_code=4500)),
        pb.AttachResponse(evict=pb.Evict(session_id=1, close_code=4503)),
        pb.AttachResponse(batch=pb.Batch(request_id=77, session_id=1, address=MAYA)),
        pb.AttachResponse(published=pb.Published(request_id=77, session_id=1)),
        pb.AttachResponse(gap=pb.Gap(address=MAYA)),
    ):
        assert hub.link_frame("r", frame, 0) == []
    assert hub.text(1, "{}", 0) == []
    assert hub.link_frame("unknown", push(1, 1), 0) == []


def test_what_routers_say_to_the_edge_itself_is_reported() -> None:
    hub = make_hub()
    hub.link_up("r", welcome(), 0)

    for frame, report in (
        (pb.AttachResponse(drain=pb.Drain()), RouterDrains("r")),
        (
            pb.AttachResponse(drain_order=pb.DrainOrder(reason="a new version")),
            DrainAsked("a new version"),
        ),
        (pb.AttachResponse(), UnexpectedFrame("r", "None")),
    ):
        assert hub.link_frame("r", frame, 0) == [report]


def test_a_first_contact_stays_one_until_the_device_acknowledges_something() -> None:
    hub = make_hub(ack_delay=0.1)
    hub.link_up("r", welcome(), 0)
    hub.link_frame("r", owned(1), 0)
    connect(hub)

    effects = hub.link_frame("r", subscribed(1, first=True, head=5), 0)
    assert written(effects, 1)[0]["data"]["first"] is True
    (fetch,) = sent(effects, "fetch")
    batch = pb.Batch(
        request_id=fetch.request_id, session_id=1, address=MAYA, term=1, through=5, head=5
    )
    hub.link_frame("r", pb.AttachResponse(batch=batch), 0)
    assert sent(hub.due(1), "acks") == [], "nobody knows that WELCOME has arrived"

    hub.link_frame("r", push(6, 6), 1)
    ack(hub, 6, now=1)
    (acks,) = sent(hub.due(2), "acks")
    assert [each.seq for each in acks.acks] == [6]
