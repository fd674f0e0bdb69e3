"""Requests to a router wait for their turn."""

from __future__ import annotations

from kull_edge.session.effects import ToRouter
from kull_edge.session.subscription import SubscriptionKey
from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.unit.edge.hubs import (
    MAYA,
    attached,
    connect,
    make_hub,
    owned,
    sent,
    subscribed,
    welcome,
)


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


def test_what_waits_for_a_router_and_moves_meanwhile_is_not_asked_of_it() -> None:
    hub = make_hub(max_subscribes=1)
    for session in (1, 2):
        connect(hub, session, token=f"maya:d{session}")
    hub.link_up("r", welcome(), 0)
    assert len(sent(hub.link_frame("r", owned(1), 0), "subscribe")) == 1
    hub.link_up("other", welcome(), 0)

    moved = hub.link_frame("other", owned(2), 0)

    assert {(e.link, e.request.subscribe.session_id) for e in moved if isinstance(e, ToRouter)} == {
        ("other", 1)
    }
    assert sent(hub.link_frame("r", subscribed(1), 0), "subscribe") == []


def test_a_fetch_whose_turn_comes_when_the_window_is_full_is_not_sent() -> None:
    hub = make_hub()
    hub.link_up("r", welcome(fetches=1), 0)
    hub.link_frame("r", owned(1), 0)
    for session in (1, 2):
        connect(hub, session, token=f"maya:d{session}")
        hub.link_frame("r", subscribed(session, head=9), 0)
    hub.writable(2, False, 0)  # it stands in the line

    batch = pb.Batch(request_id=1, session_id=1, address=MAYA, error="busy")
    request_id = next(iter(hub._placement._flow._links["r"].fetching))
    batch.request_id = request_id
    assert sent(hub.link_frame("r", pb.AttachResponse(batch=batch), 0), "fetch") == []

    assert [fetch.session_id for fetch in sent(hub.writable(2, True, 0), "fetch")] == [2]


def test_what_is_served_already_is_not_asked_for_again_and_costs_no_credit() -> None:
    hub = make_hub(max_subscribes=1)
    attached(hub)
    flow = hub._placement._flow

    assert flow.subscribe(SubscriptionKey(1, MAYA)) == []

    assert flow._links["r"].subscribes.used == 0
