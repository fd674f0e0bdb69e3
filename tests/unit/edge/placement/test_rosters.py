"""Rosters of routers on their way to devices. No sockets, a clock of ours."""

from __future__ import annotations

import json
from typing import Any

from kull_edge.hub import Hub
from kull_edge.session.effects import Effect
from kull_protos.contract.shard import shard_of
from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.support.schema import checked
from tests.unit.edge.hubs import SHARDS, attached, make_hub, owned, sent, subscribed, written

ROOM = "room:wedding"
SHARD = shard_of(ROOM, SHARDS)


def member(user: str, state: bytes = b"", since: int = 5) -> pb.Member:
    device = pb.Device(device_id="mac", name="Mac", platform="macos")
    return pb.Member(user_id=user, since=since, devices=[device], state=state)


def roster(number: int, *, term: int = 1, **more: Any) -> pb.AttachResponse:
    frame = pb.Roster(address=ROOM, shard=SHARD, term=term, number=number, **more)
    return pb.AttachResponse(roster=frame)


def say(hub: Hub, kind: str, session: int = 1, now: float = 0.0, **fields: Any) -> list[Effect]:
    return hub.text(session, json.dumps({"type": kind, "queue": ROOM} | fields), now)


def answer(session: int = 1, number: int = 1, *, sees: bool = True, term: int = 1) -> Any:
    place = pb.Membership(since=5, sees=sees, number=number)
    return subscribed(session, address=ROOM, term=term, membership=place)


def joined(*sessions: int, sees: bool = True) -> Hub:
    hub = make_hub()
    for session in sessions or (1,):
        attached(hub, session, token=f"maya:d{session}")
        say(hub, "JOIN", session)
        hub.link_frame("r", answer(session, sees=sees), 0)
    return hub


def told(effects: list[Effect], session: int = 1) -> list[dict[str, Any]]:
    """Return the data of the PRESENCE that a session was written, held to the schema."""
    frames = [checked(frame) for frame in written(effects, session)]
    return [frame["data"] for frame in frames if frame["type"] == "PRESENCE"]


def test_a_snapshot_follows_joined_and_names_everybody() -> None:
    hub = joined()
    people = [member("maya", b'{"viewing":"IMG_1"}'), member("otto")]

    [data] = told(hub.link_frame("r", roster(1, snapshot=True, count=2, joined=people), 0))

    device = {"deviceId": "mac", "platform": "macos", "deviceName": "Mac"}
    assert data == {
        "queue": ROOM,
        "generation": [1, 1],
        "count": 2,
        "members": [
            {"userId": "maya", "since": 5, "devices": [device], "state": {"viewing": "IMG_1"}},
            {"userId": "otto", "since": 5, "devices": [device]},
        ],
    }


def test_what_changes_is_told_alone_and_to_all_sessions() -> None:
    hub = joined(1, 2)
    hub.link_frame("r", roster(1, snapshot=True, count=1, joined=[member("maya")]), 0)

    effects = hub.link_frame(
        "r", roster(2, count=2, joined=[member("otto")], updated=[member("maya", b"{}")]), 0
    )
    [gone] = told(hub.link_frame("r", roster(3, count=1, left=["maya"]), 0))

    for session in (1, 2):
        [data] = told(effects, session)
        assert data["generation"] == [1, 2]
        assert [each["userId"] for each in data["joined"]] == ["otto"]
        assert data["updated"][0]["state"] == {}
        assert "members" not in data
    assert (gone["left"], gone["count"]) == (["maya"], 1)


def test_who_comes_later_is_told_from_what_the_edge_knows() -> None:
    hub = joined()
    hub.link_frame("r", roster(1, snapshot=True, count=1, joined=[member("maya")]), 0)
    attached(hub, 2, token="maya:d2")
    say(hub, "JOIN", 2)

    kinds = written(hub.link_frame("r", answer(2, number=1), 0), 2)

    assert [each["type"] for each in kinds] == ["JOINED", "PRESENCE"]
    assert [each["userId"] for each in kinds[1]["data"]["members"]] == ["maya"]


def test_who_comes_is_told_when_the_edge_knows_of_it_and_not_before() -> None:
    hub = joined()
    hub.link_frame("r", roster(1, snapshot=True, count=1, joined=[member("maya")]), 0)
    attached(hub, 2, token="maya:d2")
    say(hub, "JOIN", 2)
    assert told(hub.link_frame("r", answer(2, number=2), 0), 2) == []

    effects = hub.link_frame("r", roster(4, count=2, joined=[member("otto")]), 0)

    [mine], [others] = told(effects, 2), told(effects, 1)
    assert [each["userId"] for each in mine["members"]] == ["maya", "otto"]
    assert [each["userId"] for each in others["joined"]] == ["otto"]


def test_who_may_not_see_is_told_nothing() -> None:
    hub = joined(sees=False)

    effects = hub.link_frame("r", roster(1, snapshot=True, count=1, joined=[member("maya")]), 0)

    assert effects == []


def test_a_right_that_ends_or_begins_counts_at_once() -> None:
    hub = joined()
    hub.link_frame("r", roster(1, snapshot=True, count=1, joined=[member("maya")]), 0)
    hub.link_frame("r", roster(1, blind=[1]), 0)
    assert told(hub.link_frame("r", roster(2, count=2, joined=[member("otto")]), 0)) == []

    [data] = told(hub.link_frame("r", roster(2, seeing=[1]), 0))

    assert [each["userId"] for each in data["members"]] == ["maya", "otto"]


def test_after_left_nothing_more_is_told() -> None:
    hub = joined()
    hub.link_frame("r", roster(1, snapshot=True, count=1, joined=[member("maya")]), 0)

    [request] = sent(say(hub, "LEAVE"), "unsubscribe")

    assert request.left
    assert hub.link_frame("r", roster(2, count=2, joined=[member("otto")]), 0) == []


def test_a_lost_connection_is_no_leave() -> None:
    hub = joined()

    requests = sent(hub.disconnected(1, 0), "unsubscribe")

    assert [each.left for each in requests if each.address == ROOM] == [False]


def test_old_news_and_news_of_who_owns_the_room_no_more_are_left_out() -> None:
    hub = joined()
    hub.link_frame("r", roster(5, snapshot=True, count=1, joined=[member("maya")]), 0)

    assert hub.link_frame("r", roster(5, count=0, left=["maya"]), 0) == []
    assert hub.link_frame("r", roster(9, term=0, count=0, left=["maya"]), 0) == []
    hub.link_frame("r", owned(2), 0)
    assert hub.link_frame("r", roster(9, count=0, left=["maya"]), 0) == []


def test_another_owners_snapshot_replaces_all() -> None:
    hub = joined()
    hub.link_frame("r", roster(5, snapshot=True, count=1, joined=[member("maya")]), 0)
    [request] = [
        each for each in sent(hub.link_frame("r", owned(2), 0), "subscribe") if each.address == ROOM
    ]
    assert request.place.since == 5
    effects = hub.link_frame("r", answer(number=1, term=2), 0)
    assert told(effects) == []

    [data] = told(hub.link_frame("r", roster(1, term=2, snapshot=True, joined=[member("otto")]), 0))

    assert data["generation"] == [2, 1]
    assert [each["userId"] for each in data["members"]] == ["otto"]


def test_a_device_that_does_not_read_gets_all_when_it_reads_again() -> None:
    hub = joined()
    hub.link_frame("r", roster(1, snapshot=True, count=1, joined=[member("maya")]), 0)
    hub.writable(1, False, 0)
    assert told(hub.link_frame("r", roster(2, count=2, joined=[member("otto")]), 0)) == []

    [data] = told(hub.writable(1, True, 0))

    assert [each["userId"] for each in data["members"]] == ["maya", "otto"]
    assert told(hub.writable(1, True, 0)) == []


def test_of_a_large_room_the_count_is_told_and_neighbours_to_who_asked() -> None:
    hub = joined(1, 2)
    near = pb.Neighbours(sessions=[1], members=[member("maya"), member("otto")])

    effects = hub.link_frame("r", roster(1, partial=True, count=300, neighbours=[near]), 0)
    quiet = hub.link_frame(
        "r", roster(2, partial=True, count=301, quiet=True, neighbours=[near]), 0
    )

    [mine], [other] = told(effects, 1), told(effects, 2)
    assert [each["userId"] for each in mine["neighbours"]] == ["otto"], "without itself"
    assert other == {"queue": ROOM, "generation": [1, 1], "count": 300, "partial": True}
    assert len(told(quiet, 1)) == 1
    assert told(quiet, 2) == []


def test_neighbours_are_at_most_twenty() -> None:
    hub = joined()
    near = pb.Neighbours(sessions=[1], members=[member(f"u{number}") for number in range(21)])

    [data] = told(hub.link_frame("r", roster(1, partial=True, neighbours=[near]), 0))

    assert len(data["neighbours"]) == 20


def test_a_state_goes_to_the_owner_and_is_told_again_to_the_next_one() -> None:
    hub = joined()

    [state] = sent(say(hub, "STATE", now=2.0, state={"viewing": "é"}), "set_state")
    requests = sent(hub.link_frame("r", owned(2), 3.0), "subscribe")

    assert (state.session_id, state.address, state.stated) == (1, ROOM, 2000)
    assert json.loads(state.state) == {"viewing": "é"}
    [room] = [each for each in requests if each.address == ROOM]
    assert (room.place.state, room.place.stated) == (state.state, 2000)


def test_a_join_may_bring_a_state_and_a_second_one_changes_it() -> None:
    hub = make_hub()
    attached(hub)
    [request] = sent(say(hub, "JOIN", now=1.0, state={"a": 1}), "subscribe")
    hub.link_frame("r", answer(), 0)

    effects = say(hub, "JOIN", now=2.0, state={})

    assert (request.place.state, request.place.stated) == (b'{"a":1}', 1000)
    assert [each.state for each in sent(effects, "set_state")] == [b"{}"]
    assert [each["type"] for each in written(effects, 1)] == ["JOINED"]


def test_no_state_is_said_by_null() -> None:
    hub = joined()
    say(hub, "STATE", state={"a": 1})

    [state] = sent(say(hub, "STATE", state=None), "set_state")

    assert state.state == b""


def test_a_state_needs_the_room_to_be_followed() -> None:
    hub = make_hub()
    attached(hub)

    effects = say(hub, "STATE", state={}, ref=3)

    [error] = written(effects, 1)
    assert (error["data"]["code"], error["data"]["ref"]) == ("forbidden", 3)
    assert sent(effects, "set_state") == []


def test_states_that_are_no_small_objects_are_refused() -> None:
    hub = joined()
    for state in ([1], "x", {"a": "x" * 1024}, 7):
        [error] = written(say(hub, "STATE", state=state), 1)
        assert error["data"]["code"] == "invalid_message"


def test_what_is_known_of_a_room_is_forgotten_with_its_last_session() -> None:
    hub = joined(1, 2)
    hub.link_frame("r", roster(1, snapshot=True, count=1, joined=[member("maya")]), 0)
    say(hub, "LEAVE", 1)
    assert hub._rosters._rooms

    hub.disconnected(2, 0)

    assert not hub._rosters._rooms
