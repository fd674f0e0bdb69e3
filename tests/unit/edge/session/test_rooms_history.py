"""What a JOIN says of a room's last entries, on its way to the room's owner."""

from __future__ import annotations

from kull_edge.hub import Hub
from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.unit.edge.hubs import attached, make_hub, owned, sent, subscribed, welcome
from tests.unit.edge.session.test_rooms import ROOM, refused, say, told


def test_the_owner_is_told_how_many_of_the_last_entries_the_device_wants() -> None:
    hub = make_hub()
    attached(hub)

    [request] = sent(say(hub, "JOIN", history=20), "subscribe")
    [other] = sent(say(hub, "JOIN", "room:other"), "subscribe")

    assert (request.history, other.history) == (20, 0)


def test_more_than_a_hundred_are_not_asked_for() -> None:
    hub = make_hub()
    attached(hub)

    for wrong in (101, -1, True, "20", 1.5):
        answer = say(hub, "JOIN", history=wrong)
        assert [data["code"] for _, data in told(answer)] == ["invalid_message"]
        assert sent(answer, "subscribe") == []


def test_a_history_is_asked_for_again_when_the_router_is_lost_before_it_answers() -> None:
    hub = make_hub()
    attached(hub)
    say(hub, "JOIN", history=20)

    hub.link_down("r", 1.0)
    again = reattached(hub)

    assert [one.history for one in again if one.address == ROOM] == [20]


def test_a_history_is_asked_for_once_and_a_router_that_comes_later_is_told_the_position() -> None:
    hub = make_hub()
    attached(hub)
    say(hub, "JOIN", history=20)
    hub.link_frame("r", subscribed(1, address=ROOM, head=3, after=3), 0)

    hub.link_down("r", 1.0)
    [again] = [one for one in reattached(hub) if one.address == ROOM]

    assert (again.history, again.position.seq) == (0, 3)


def test_a_refused_history_is_forgotten() -> None:
    hub = make_hub()
    attached(hub)
    say(hub, "JOIN", history=20)
    hub.link_frame("r", refused(keep_session=True), 0)

    [again] = sent(say(hub, "JOIN"), "subscribe")

    assert again.history == 0


def reattached(hub: Hub) -> list[pb.Subscribe]:
    """A router is there again: return what it is asked for."""
    hub.link_up("r", welcome(), 1.0)
    return list(sent(hub.link_frame("r", owned(2), 1.0), "subscribe"))
