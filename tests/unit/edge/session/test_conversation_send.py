"""SEND on its way from the device to its user's router, and the answer back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kull_edge.hub import Hub
from kull_edge.protocol.handshake import Handshake
from kull_edge.session.effects import Effect
from kull_protos.contract.event_types import RESERVED
from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.unit.edge.hubs import attached, connect, make_hub, owned, sent, subscribed, welcome
from tests.unit.edge.hubs import written as messages

ROOM = "room:team:a"


def send(hub: Hub, now: float = 0.0, session: int = 1, **fields: Any) -> list[Effect]:
    message = {"type": "SEND", "queue": ROOM, "event": "COMMENT", "data": {"text": "hi"}}
    return hub.text(session, json.dumps(message | fields), now)


def codes(effects: list[Effect], session: int = 1) -> list[str]:
    return [each["data"]["code"] for each in messages(effects, session)]


def ready() -> Hub:
    hub = make_hub()
    attached(hub)
    return hub


def test_it_goes_to_the_users_router_which_knows_what_the_token_grants() -> None:
    hub = ready()

    [request] = sent(send(hub, ref="x"), "publish")

    assert (request.type, request.address, request.event) == ("SEND", ROOM, "COMMENT")
    assert request.payload == b'{"text":"hi"}'
    published = pb.Published(request_id=request.request_id, session_id=1, event_id="e-1")
    told = messages(hub.link_frame("r", pb.AttachResponse(published=published), 0), 1)
    assert [(each["type"], each["data"]) for each in told] == [
        ("ACCEPTED", {"id": "e-1", "ref": "x"})
    ]


def test_the_routers_refusal_reaches_the_device() -> None:
    hub = ready()
    [request] = sent(send(hub, ref=1), "publish")
    published = pb.Published(
        request_id=request.request_id, session_id=1, error_code="forbidden", error="no"
    )

    [told] = messages(hub.link_frame("r", pb.AttachResponse(published=published), 0), 1)

    assert told["data"] == {"code": "forbidden", "message": "no", "ref": 1}


@pytest.mark.parametrize(
    "wrong",
    [
        {"queue": "user:otto"},
        {"queue": "all"},
        {"queue": "room:"},
        {"event": "comment"},
        {"event": "A" * 65},
        {"event": 1},
        {"data": "hi"},
        {"data": ["hi"]},
        {"data": None},
        *({"event": each} for each in sorted(RESERVED)),
    ],
)
def test_what_is_no_event_of_a_room_costs_no_router_anything(wrong: dict[str, Any]) -> None:
    answer = send(ready(), **wrong)

    assert codes(answer) == ["invalid_message"]
    assert sent(answer, "publish") == []


def test_a_device_that_sends_too_much_is_told_to_wait() -> None:
    hub = make_hub(publish_rate=0.01, publish_burst=2)
    attached(hub)

    assert [len(sent(send(hub), "publish")) for _ in range(3)] == [1, 1, 0]
    assert codes(send(hub)) == ["rate_limited"]


def test_all_devices_of_a_user_together_send_no_more_than_the_user_may() -> None:
    hub = make_hub(user_rate=0.01, user_burst=3)
    attached(hub, 1, token="maya:mac")
    attached(hub, 2, token="maya:phone")

    sends = [len(sent(send(hub, session=1 + n % 2), "publish")) for n in range(5)]

    assert sends == [1, 1, 1, 0, 0]


def test_more_than_may_wait_for_answers_are_refused_as_busy() -> None:
    hub = make_hub(max_publishes=1)
    attached(hub)
    send(hub)

    assert codes(send(hub)) == ["busy"]


def test_whose_router_is_lost_may_send_it_again() -> None:
    hub = ready()
    send(hub, ref=7)

    assert codes(hub.link_down("r", 1.0)) == ["unavailable"]
    assert codes(send(hub, 1.0)) == ["unavailable"]


def test_it_comes_after_welcome_and_not_in_the_plain_dialect() -> None:
    hub = make_hub()
    hub.link_up("r", welcome(), 0)
    hub.link_frame("r", owned(1), 0)
    hub.connected(1, Handshake(v2=True, token="maya:mac"), 0.0)
    assert codes(send(hub)) == ["invalid_message"]
    connect(hub, 2, token="maya:old", v2=False)
    for address in ("user:maya", "all"):
        hub.link_frame("r", subscribed(2, address=address), 0)

    answer = send(hub, session=2)

    assert codes(answer, 2) == ["invalid_message"]
    assert sent(answer, "publish") == []


def test_in_a_room_the_device_that_sent_it_is_left_out_and_others_of_its_name_are_not() -> None:
    hub = ready()
    attached(hub, 2, token="maya:phone")
    connect(hub, 3, token="otto:mac")
    for address in ("user:otto", "all"):
        hub.link_frame("r", subscribed(3, address=address), 0)
    for session in (1, 2, 3):
        hub.text(session, json.dumps({"type": "JOIN", "queue": ROOM}), 0.0)
        hub.link_frame("r", subscribed(session, address=ROOM), 0)
    entry = pb.Entry(seq=1, message=b'{"seq":1}', exclude_device_id="maya/mac")
    pushes = pb.Deliver(pushes=[pb.Push(address=ROOM, term=1, entries=[entry])])

    pushed = hub.link_frame("r", pb.AttachResponse(deliver=pushes), 0)

    assert [len(messages(pushed, session)) for session in (1, 2, 3)] == [0, 1, 1]
