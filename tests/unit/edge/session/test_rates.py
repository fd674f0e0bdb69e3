"""A flood of one device, or of all devices of one user, ends at the edge."""

from __future__ import annotations

import pytest

from kull_edge.hub import Hub
from kull_protos.contract.limits import DEFAULT_ROOMS
from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.unit.edge.hubs import attached, connect, make_hub, sent, subscribed, written

DEVICES = 30
ASKS = {
    "refresh": '{"type":"REFRESH","token":"maya:mac"}',
    "publish": '{"type":"UPDATE_PROGRESS","payload":{}}',
    "logout": '{"type":"LOGOUT"}',
    "sign_out": '{"type":"SIGN_OUT","deviceId":"phone"}',
    "subscribe": '{"type":"JOIN","queue":"room:r-%d"}',
}


def open_device(hub: Hub, session: int, user: str) -> None:
    attached(hub, session, token=f"{user}:d-{session}")
    answer = subscribed(session, address=f"user:{user}")
    hub.link_frame("r", answer, 0)


def flood(hub: Hub, kind: str, sessions: range, times: int, now: float) -> int:
    """Send so many from each session and return how many went to a router."""
    told = 0
    for n in range(times):
        for session in sessions:
            text = ASKS[kind]
            told += len(sent(hub.text(session, text % n if "%" in text else text, now), kind))
    return told


@pytest.mark.parametrize("kind", ASKS)
def test_all_devices_of_a_user_together_ask_a_router_no_more_than_the_user_may(kind: str) -> None:
    hub = make_hub(user_rate=10, user_burst=20, token_burst=100, publish_rate=0, max_publishes=999)
    for session in range(1, DEVICES + 1):
        open_device(hub, session, "maya")
    open_device(hub, DEVICES + 1, "otto")

    assert 0 < flood(hub, kind, range(1, DEVICES + 1), 50, 1000) <= 20
    assert flood(hub, kind, range(1, DEVICES + 1), 50, 1001) <= 10
    assert flood(hub, kind, range(DEVICES + 1, DEVICES + 2), 1, 1001) == 1, "others go on"


def test_thirty_two_devices_that_come_back_at_once_may_all_join_all_their_rooms() -> None:
    hub = make_hub()
    for session in range(1, 33):
        open_device(hub, session, "maya")
        assert flood(hub, "refresh", range(session, session + 1), 1, 0) == 1
    for session in range(1, 33):
        for room in range(DEFAULT_ROOMS):
            address = f"room:r-{room}"
            joined = hub.text(session, ASKS["subscribe"] % room, 0)
            assert len(sent(joined, "subscribe")) == 1
            hub.link_frame("r", subscribed(session, address=address), 0)


def test_who_is_not_verified_yet_uses_up_nobodys_rate() -> None:
    hub = make_hub(user_rate=1, user_burst=5, max_publishes=999)
    open_device(hub, 1, "maya")
    connect(hub, 2, token="maya:thief")
    for _ in range(50):
        hub.text(2, ASKS["publish"], 0)

    assert flood(hub, "publish", range(1, 2), 5, 0) == 5


def test_pings_above_the_rate_are_not_answered_and_told_about_now_and_then() -> None:
    hub = make_hub(ping_rate=2, ping_burst=5)
    attached(hub)

    def answers(count: int, now: float) -> list[str]:
        frames = []
        for _ in range(count):
            frames += written(hub.text(1, '{"type":"PING"}', now), 1)
        return [frame["type"] for frame in frames]

    assert answers(1000, 10) == ["PONG"] * 5 + ["ERROR"]
    assert answers(1000, 11) == ["PONG"] * 2
    assert answers(1000, 20.5) == ["PONG"] * 5 + ["ERROR"]


def test_a_device_that_is_told_to_wait_before_it_refreshes_keeps_its_token() -> None:
    hub = make_hub()
    attached(hub)
    hub.text(1, '{"type":"REFRESH","token":"maya:mac:2","ref":4}', 0)
    refused = pb.Refreshed(session_id=1, error_code="rate_limited", error="wait 3.0 s")

    (error,) = written(hub.link_frame("r", pb.AttachResponse(refreshed=refused), 0), 1)

    assert (error["data"]["code"], error["data"]["ref"]) == ("rate_limited", 4)
