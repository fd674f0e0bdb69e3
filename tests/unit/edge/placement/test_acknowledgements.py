"""Acknowledgements are collected for a moment, and none is forgotten."""

from __future__ import annotations

from kull_edge.session.effects import Effect, ToRouter
from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.unit.edge.hubs import (
    MAYA,
    ack,
    attached,
    connect,
    make_hub,
    owned,
    push,
    sent,
    subscribed,
    welcome,
    written,
)


def told(effects: list[Effect]) -> list[tuple[int, str, int]]:
    """Return what routers are told: session, address, position."""
    return [
        (each.session_id, each.address, each.seq)
        for frame in sent(effects, "acks")
        for each in frame.acks
    ]


def test_the_first_acknowledgement_leaves_at_once_and_those_after_it_are_collected() -> None:
    hub = make_hub(ack_delay=0.1)
    attached(hub)
    hub.link_frame("r", push(1, 4), 0)

    assert told(ack(hub, 1, now=1.0)) == [(1, MAYA, 1)]
    assert [told(ack(hub, seq, now=1.0)) for seq in (2, 3)] == [[], []]
    assert told(hub.due(1.05)) == []
    assert told(hub.due(1.1)) == [(1, MAYA, 3)]
    assert told(ack(hub, 4, now=1.15)) == []
    assert told(hub.due(1.201)) == [(1, MAYA, 4)]


def test_after_a_quiet_moment_an_acknowledgement_leaves_at_once_again() -> None:
    hub = make_hub(ack_delay=0.1)
    attached(hub)
    hub.link_frame("r", push(1, 2), 0)
    ack(hub, 1, now=1.0)
    assert told(hub.due(1.1)) == []

    assert told(ack(hub, 2, now=1.15)) == [(1, MAYA, 2)]
    assert told(hub.due(9)) == []


def test_many_acknowledgements_do_not_wait() -> None:
    hub = make_hub(ack_batch=2)
    for session, token in enumerate(("maya:mac", "maya:phone", "maya:tab"), start=1):
        attached(hub, session, token=token)
    hub.link_frame("r", push(1, 1), 0)
    assert len(told(ack(hub, 1, session=1))) == 1
    assert told(ack(hub, 1, session=2)) == []

    assert len(told(ack(hub, 1, session=3))) == 2


def test_a_session_that_ends_flushes_its_acknowledgement_before_it_unsubscribes() -> None:
    hub = make_hub()
    attached(hub)
    hub.link_frame("r", push(1, 1), 0)
    hub.link_frame("r", push(2, 2), 0)
    ack(hub, 1)
    ack(hub, 2)

    effects = hub.disconnected(1, 0)

    kinds = [e.request.WhichOneof("frame") for e in effects if isinstance(e, ToRouter)]
    assert kinds == ["acks", "unsubscribe", "unsubscribe"]
    assert hub.queue_count == 0
    assert hub.disconnected(1, 0) == []


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
    assert told(ack(hub, 6, now=1)) == [(1, MAYA, 6)]
