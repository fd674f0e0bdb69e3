"""Latencies of entries, as an edge can tell them."""

from __future__ import annotations

import pytest

from kull_edge.measures.deliveries import DeliveryMeasures, Pushed
from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.unit.edge.hubs import MAYA, connect, make_hub, owned, subscribed, welcome

SENT = 7_000_000_000  # us, by the router's clock, which is not the edge's


def push(
    seq: int, *, waited_us: int = 0, age_ms: int | None = None, term: int = 1
) -> pb.AttachResponse:
    entry = pb.Entry(seq=seq, message=b"{}")
    if age_ms is not None:
        entry.age_ms = age_ms
    pushes = [pb.Push(address=MAYA, term=term, entries=[entry], waited_us=waited_us)]
    return pb.AttachResponse(deliver=pb.Deliver(pushes=pushes))


def test_stored_to_written_is_what_waited_and_what_the_way_took_longer_than_ever() -> None:
    hub = make_hub()
    hub.link_up("r", welcome(), 100.0)
    hub.link_frame("r", owned(1), 100.0)
    connect(hub)
    hub.link_frame("r", subscribed(1), 100.0)
    hub.link_heard("r", SENT, 100.0)  # the quickest
    hub.link_heard("r", SENT + 1_000_000, 101.3)  # 0.3 s later than it might have been

    hub.link_frame("r", push(1, waited_us=200_000), 101.3)
    hub.written(101.4)

    measured = hub.measures.stored_to_written
    assert measured.count == 1
    assert measured.sum == pytest.approx(0.2 + 0.3 + 0.1)


def test_a_router_that_was_started_anew_on_another_machine_has_another_clock() -> None:
    hub = make_hub()
    hub.link_up("r", welcome(), 100.0)
    hub.link_heard("r", SENT, 100.0)
    hub.link_down("r", 101.0)
    hub.link_heard("r", 5_000_000, 102.0)  # its machine was started five seconds ago
    hub.link_up("r", welcome(), 102.0)
    hub.link_frame("r", owned(2), 102.0)
    connect(hub)
    hub.link_frame("r", subscribed(1, term=2), 102.0)

    hub.link_frame("r", push(1, waited_us=200_000, term=2), 102.0)
    hub.written(102.0)

    assert hub.measures.stored_to_written.sum == pytest.approx(0.2)


def test_what_nobody_gets_is_not_measured() -> None:
    hub = make_hub()
    hub.link_up("r", welcome(), 0.0)
    hub.link_frame("r", owned(1), 0.0)
    hub.link_heard("r", SENT, 1.0)

    hub.link_frame("r", push(1, waited_us=1), 1.0)
    hub.written(1.0)

    assert hub.measures.stored_to_written.count == 0


def test_an_older_router_says_nothing_and_nothing_is_made_up() -> None:
    hub = make_hub()
    hub.link_up("r", welcome(), 1.0)
    hub.link_frame("r", owned(1), 1.0)
    connect(hub)
    hub.link_frame("r", subscribed(1), 1.0)
    hub.link_heard("r", 0, 1.0)

    hub.link_frame("r", push(1), 1.0)
    hub.written(1.0)
    hub.text(1, '{"type":"ACK","seq":1}', 3.0)

    assert hub.measures.stored_to_written.count == 0
    assert hub.measures.publish_to_acknowledged.count == 0
    assert hub.measures.delivered.value == 1


def test_an_acknowledgement_ends_both_latencies_of_each_entry() -> None:
    hub = make_hub()
    hub.link_up("r", welcome(), 10.0)
    hub.link_frame("r", owned(1), 10.0)
    connect(hub)
    hub.link_frame("r", subscribed(1), 10.0)
    hub.link_heard("r", SENT, 10.0)
    for seq in (1, 2):
        hub.link_frame("r", push(seq, waited_us=100_000, age_ms=500), 10.0)

    hub.text(1, '{"type":"ACK","seq":2}', 12.0)

    acknowledged, published = (
        hub.measures.written_to_acknowledged,
        hub.measures.publish_to_acknowledged,
    )
    assert acknowledged.count == published.count == 2
    assert acknowledged.sum == pytest.approx(4.0)
    assert published.sum == pytest.approx(2 * (0.5 + 0.1 + 2.0))


def test_pushes_that_are_never_measured_do_not_pile_up() -> None:
    hub = make_hub(window_messages=1000)
    hub.link_up("r", welcome(), 1.0)
    hub.link_frame("r", owned(1), 1.0)
    connect(hub)
    hub.link_frame("r", subscribed(1), 1.0)
    hub.link_heard("r", SENT, 1.0)
    for seq in range(1, 100):
        hub.link_frame("r", push(seq, waited_us=1), 1.0)

    hub.written(1.0)

    assert hub.measures.stored_to_written.count == 1


def test_a_clock_that_seems_to_run_backwards_measures_no_time() -> None:
    measures = DeliveryMeasures()
    measures.written([Pushed(5.0, 3)], 4.0)
    measures.acknowledged(1.0, 9.0, 2.0)

    assert (measures.stored_to_written.count, measures.stored_to_written.sum) == (3, 0.0)
    assert (measures.publish_to_acknowledged.count, measures.publish_to_acknowledged.sum) == (1, 0)
