"""A session and its token: expiry with grace, REFRESH, revocation. No sockets, a clock of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kull_edge.hub import Hub
from kull_edge.session.effects import Effect
from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.unit.edge.hubs import (
    SHARDS,
    WALL_MS,
    attached,
    closes,
    connect,
    make_hub,
    owned,
    sent,
    session_of,
    subscribed,
    welcome,
    written,
)


def expiring(*, v2: bool = True, after: int = 60, grace: int = 30) -> Hub:
    """A hub with one session, whose token expires."""
    hub = make_hub()
    hub.link_up("r", welcome(), 0)
    hub.link_frame("r", owned(1), 0)
    connect(hub, v2=v2)
    expires = WALL_MS + after * 1000
    answer = subscribed(1, expires_at=expires, closes_at=expires + grace * 1000)
    effects = hub.link_frame("r", answer, 0)
    [greeting] = [frame for frame in written(effects, 1) if frame["type"] == "WELCOME"]
    assert greeting["data"]["expiresAt"] == expires
    hub.link_frame("r", subscribed(1, address="all"), 0)
    hub.received(1, 50.0)  # the peer is alive: nothing is pinged while the tests wait
    return hub


def refresh(hub: Hub, token: str = "new", *, now: float = 1.0, **fields: Any) -> list[Effect]:
    return hub.text(1, json.dumps({"type": "REFRESH", "token": token} | fields), now)


def refreshed(hub: Hub, now: float = 1.0, **answer: Any) -> list[Effect]:
    frame = pb.AttachResponse(refreshed=pb.Refreshed(session_id=1, **answer))
    return hub.link_frame("r", frame, now)


def errors(effects: list[Effect]) -> list[str]:
    return [f["data"]["code"] for f in written(effects, 1) if f["type"] == "ERROR"]


def test_an_expired_session_goes_on_for_its_grace_and_is_told_once() -> None:
    hub = expiring()

    told = hub.due(60.0)
    assert [f["data"] for f in written(told, 1) if f["type"] == "TOKEN_EXPIRED"] == [
        {"closesAt": WALL_MS + 90_000}
    ]
    assert closes(told) == []


def test_after_the_grace_the_session_closes() -> None:
    hub = expiring(after=5, grace=10)

    assert closes(hub.due(5.0) + hub.due(14.9)) == []
    assert closes(hub.due(15.0)) == [4501]


def test_a_plain_device_is_not_told_what_it_does_not_know() -> None:
    assert written(expiring(v2=False).due(60.0), 1) == []


def test_a_new_token_moves_the_end_and_is_known_to_the_router() -> None:
    hub = expiring()

    [asked] = sent(refresh(hub, "new", ref="r-1"), "refresh")
    assert (asked.session_id, asked.token) == (1, "new")
    effects = refreshed(hub, expires_at=WALL_MS + 600_000, closes_at=WALL_MS + 630_000)

    assert [f["data"] for f in written(effects, 1)] == [
        {"expiresAt": WALL_MS + 600_000, "ref": "r-1"}
    ]
    assert "TOKEN_EXPIRED" not in {f["type"] for f in written(hub.due(60.0), 1)}


def test_after_a_refresh_the_session_moves_with_its_new_token() -> None:
    hub = expiring()
    refresh(hub, "new")
    refreshed(hub, expires_at=WALL_MS + 600_000)

    hub.link_down("r", 1.0)
    hub.link_up("r2", welcome(), 2)
    effects = hub.link_frame("r2", owned(2), 2)

    assert {each.token for each in sent(effects, "subscribe")} == {"new"}


def test_every_router_of_the_session_learns_the_new_token() -> None:
    hub = make_hub()
    for name, shards in (("a", range(2)), ("b", range(2, SHARDS))):
        hub.link_up(name, welcome(), 0)
        hub.link_frame(name, owned(1, shards), 0)
    connect(hub)
    hub.link_frame("a", subscribed(1), 0)
    hub.link_frame("b", subscribed(1), 0)
    for name in ("a", "b"):
        hub.link_frame(name, subscribed(1, address="all"), 0)

    first = refresh(hub)
    answer = pb.AttachResponse(refreshed=pb.Refreshed(session_id=1, expires_at=WALL_MS + 9_000))
    told = first + hub.link_frame("a", answer, 1.0)

    links = {effect.link for effect in told if hasattr(effect, "link")}
    owners = {subscription.link for subscription in session_of(hub).subscriptions}
    assert links == owners


@pytest.mark.parametrize("code", ["bad_token", "token_expired", "revoked", "unavailable"])
def test_a_refused_token_is_told_and_the_old_one_stays(code: str) -> None:
    hub = expiring()
    refresh(hub, ref=7)

    effects = refreshed(hub, error_code=code, error="why")

    assert errors(effects) == [code]
    assert closes(effects) == []
    assert "TOKEN_EXPIRED" in {f["type"] for f in written(hub.due(60.0), 1)}


def test_a_second_refresh_waits_for_the_first() -> None:
    hub = expiring()
    refresh(hub)

    assert errors(refresh(hub)) == ["busy"]


def test_a_refresh_without_a_router_is_answered() -> None:
    hub = expiring()
    hub.link_down("r", 1.0)

    assert errors(refresh(hub)) == ["unavailable"]


def test_a_refresh_whose_router_dies_is_answered() -> None:
    hub = expiring()
    refresh(hub)

    assert errors(hub.link_down("r", 1.0)) == ["unavailable"]


@pytest.mark.parametrize("token", [None, "", 7, "t" * 5000, "\ud800"])
def test_a_refresh_without_a_token_is_a_bad_message(token: object) -> None:
    hub = make_hub()
    attached(hub)

    effects = hub.text(1, json.dumps({"type": "REFRESH", "token": token}), 1.0)

    assert errors(effects) == ["invalid_message"]


def test_a_token_never_shows_itself() -> None:
    hub = expiring()
    refresh(hub, "s3cr3t-token")

    credential = session_of(hub)._credential
    assert "s3cr3t-token" not in repr(credential)
    assert "s3cr3t-token" not in repr(credential._asked)


def test_a_revoked_session_closes_for_good() -> None:
    hub = expiring()

    evict = pb.AttachResponse(evict=pb.Evict(session_id=1, close_code=4507, reason="revoked"))

    assert closes(hub.link_frame("r", evict, 1.0)) == [4507]


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


def test_one_connection_may_not_ask_about_its_token_again_and_again() -> None:
    hub = make_hub(token_rate=0.5, token_burst=3)
    attached(hub)
    asked = []
    for n in range(100):
        asked += sent(hub.text(1, f'{{"type":"LOGOUT","ref":{n}}}', 10), "logout")
        asked += sent(hub.text(1, f'{{"type":"REFRESH","token":"maya:mac{n}"}}', 10), "refresh")
    assert len(asked) == 3

    (error,) = written(hub.text(1, '{"type":"LOGOUT","ref":"r"}', 10), 1)
    assert (error["data"]["code"], error["data"]["ref"]) == ("rate_limited", "r")
    assert "wait 2.0 s" in error["data"]["message"]
    assert len(sent(hub.text(1, '{"type":"LOGOUT"}', 12), "logout")) == 1


@pytest.mark.parametrize("ahead_ms", [60_000, -60_000, 500_000])
def test_a_session_ends_by_the_routers_clock_and_its_device_is_told_by_the_edges(
    ahead_ms: int,
) -> None:
    """An edge whose clock is wrong by a minute neither ends it a minute early nor late."""
    hub = make_hub()
    hub.link_up("r", welcome(), 0)
    hub.link_frame("r", owned(1), 0)
    connect(hub)
    router_ms = WALL_MS - ahead_ms
    expires = router_ms + 60_000
    answer = subscribed(1, expires_at=expires, closes_at=expires + 30_000, now=router_ms)
    [greeting] = written(hub.link_frame("r", answer, 0), 1)
    assert greeting["data"]["expiresAt"] - greeting["timestamp"] == 60_000

    assert written(hub.due(59.9), 1) == []
    hub.received(1, 60)
    [told] = written(hub.due(60.1), 1)
    assert told["data"]["closesAt"] - WALL_MS == 90_000

    hub.text(1, '{"type":"REFRESH","token":"maya:mac"}', 61)
    refreshed = pb.Refreshed(
        session_id=1, expires_at=expires + 100_000, closes_at=expires + 130_000, now=router_ms
    )
    [told] = [
        frame
        for frame in written(hub.link_frame("r", pb.AttachResponse(refreshed=refreshed), 61), 1)
        if frame["type"] == "REFRESHED"
    ]
    assert told["data"]["expiresAt"] - told["timestamp"] == 160_000
