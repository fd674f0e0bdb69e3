"""A session without an owner: what its device is told, and when it is sent to another edge."""

from __future__ import annotations

from typing import Any

import pytest

from kull_edge.hub import Hub
from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.unit.edge.hubs import (
    MAYA,
    SHARDS,
    WALL_MS,
    attached,
    closes,
    make_hub,
    owned,
    sent,
    subscribed,
    welcome,
    written,
)

TIMES: dict[str, Any] = {"stale_after": 10.0, "away_after": 30.0}


def kinds(hub: Hub, now: float, session: int = 1) -> list[str]:
    """Let the clock reach `now`, and return what kinds of messages the device gets meanwhile."""
    found: list[str] = []
    while hub.next_at is not None and hub.next_at <= now:
        found += [frame["type"] for frame in written(hub.due(hub.next_at), session)]
    return found


def standby(shards: range = range(SHARDS)) -> pb.AttachResponse:
    return pb.AttachResponse(shards=pb.OwnedShards(standby=shards))


def orphan(hub: Hub, **options: bool) -> None:
    """Attach a session and take its router away at second 0."""
    attached(hub, **options)
    hub.link_down("r", 0)


def test_a_device_learns_after_a_while_that_nobody_serves_it_and_since_when() -> None:
    hub = make_hub(**TIMES)
    orphan(hub)
    assert kinds(hub, 9.9) == []

    told = [written(hub.due(hub.next_at or 0), 1), written(hub.due(10.1), 1)]

    notices = {frame["data"]["queue"]: frame for frames in told for frame in frames}
    assert notices.keys() == {"user", "all"}
    assert notices["user"]["type"] == "STALE"
    assert notices["user"]["data"]["since"] == WALL_MS - 10_000
    assert kinds(hub, 29) == [], "once is enough"


def test_a_device_learns_that_it_is_served_again_before_what_it_missed() -> None:
    hub = make_hub(**TIMES)
    orphan(hub)
    kinds(hub, 11)
    hub.link_up("s", welcome(), 11)
    hub.link_frame("s", owned(2), 11)

    effects = hub.link_frame("s", subscribed(1, term=2, head=1, after=0), 12)

    assert [frame["type"] for frame in written(effects, 1)] == ["FRESH"]
    assert written(effects, 1)[0]["data"] == {"queue": "user"}
    assert len(sent(effects, "fetch")) == 1
    assert kinds(hub, 29) == []


def test_a_take_over_within_the_time_is_no_news() -> None:
    hub = make_hub(**TIMES)
    orphan(hub)
    hub.link_up("s", welcome(), 9)
    hub.link_frame("s", owned(2), 9)

    effects = hub.link_frame("s", subscribed(1, term=2), 9.5)
    effects += hub.link_frame("s", subscribed(1, term=2, address="all"), 9.5)

    assert written(effects, 1) == []
    assert kinds(hub, 29) == []


def test_an_owner_that_does_not_answer_is_no_owner() -> None:
    hub = make_hub(**TIMES)
    orphan(hub)
    hub.link_up("s", welcome(), 1)
    hub.link_frame("s", owned(2), 1)
    refused = pb.AttachResponse(refused=pb.Refused(session_id=1, address=MAYA, reason="busy"))
    hub.link_frame("s", refused, 2)

    assert kinds(hub, 10.1) == ["STALE", "STALE"]


def test_the_plain_dialect_has_no_such_notices() -> None:
    hub = make_hub(**TIMES)
    orphan(hub, v2=False)

    assert kinds(hub, 29) == []


def test_when_only_this_edge_is_cut_off_its_devices_are_sent_elsewhere() -> None:
    hub = make_hub(**TIMES, routers=2)
    orphan(hub)
    hub.link_up("s", welcome(), 1)
    hub.link_frame("s", standby(), 1)

    assert kinds(hub, 30.0) == ["STALE", "STALE", "RECONNECT"]
    assert closes(hub.due(31)) == [4000]


def test_a_shard_that_no_router_has_is_no_reason_to_go_elsewhere() -> None:
    hub = make_hub(**TIMES, routers=2)
    orphan(hub)
    hub.link_up("s", welcome(), 1)
    hub.link_frame("s", owned(2, shards=[]), 1)

    assert kinds(hub, 300) == ["STALE", "STALE"]


@pytest.mark.parametrize(("routers", "last"), [(1, "STALE"), (2, "RECONNECT")])
def test_without_any_link_an_edge_blames_itself_if_there_are_several_routers(
    routers: int, last: str
) -> None:
    hub = make_hub(**TIMES, routers=routers)
    orphan(hub)

    assert kinds(hub, 40)[-1] == last


def test_devices_of_a_cut_off_edge_go_one_after_the_other() -> None:
    hub = make_hub(**TIMES, routers=2)
    for session in range(1, 301):
        attached(hub, session, token=f"maya:d{session}")
    hub.link_down("r", 0)
    hub.due(10)

    effects = hub.due(30)

    slots = [written(effects, session)[0]["data"]["after"] for session in range(1, 301)]
    assert max(slots) - min(slots) > 500
    assert hub.session_count == 300


def test_a_session_that_has_gone_waits_for_nobody() -> None:
    hub = make_hub(**TIMES)
    orphan(hub)
    kinds(hub, 10.1)

    hub.disconnected(1, 11)

    assert hub.next_at is None
