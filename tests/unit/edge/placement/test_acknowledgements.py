"""Acknowledgements are collected for a moment, and none is forgotten."""

from __future__ import annotations

from kull_edge.session.effects import (
    ToRouter,
)
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
