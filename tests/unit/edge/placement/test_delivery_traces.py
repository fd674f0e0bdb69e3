"""Which steps of a trace an edge adds: written to a device, until that has acknowledged it."""

from __future__ import annotations

import pytest

from kull_edge.hub import Hub
from kull_edge.measures.deliveries import TRACES_GIVEN_UP
from kull_edge.placement.delivery_traces import GIVEN_UP, GONE, DeliveryTraces
from kull_edge.protocol.outgoing import OutMessage
from kull_edge.session.effects import Write
from kull_edge.session.subscription import Subscription, SubscriptionKey, Window
from kull_protos.common.measures import Count
from kull_protos.mesh.v1 import attach_pb2 as pb
from tests.support.tracing import MemoryTracer
from tests.unit.edge.hubs import MAYA, ack, attached, make_hub

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def pushed(*seqs: int, trace: str = PARENT, exclude: str = "") -> pb.AttachResponse:
    entries = [
        pb.Entry(seq=seq, message=b"{}", traceparent=trace, exclude_device_id=exclude)
        for seq in seqs
    ]
    return pb.AttachResponse(
        deliver=pb.Deliver(pushes=[pb.Push(address=MAYA, term=1, entries=entries)])
    )


@pytest.fixture
def tracer() -> MemoryTracer:
    return MemoryTracer()


@pytest.fixture
def hub(tracer: MemoryTracer) -> Hub:
    made = make_hub(tracer=tracer)
    attached(made)
    return made


def test_a_step_lasts_from_the_write_to_the_acknowledgement(hub: Hub, tracer: MemoryTracer) -> None:
    hub.link_frame("r", pushed(1, 2), 0)

    one, two = tracer.spans
    assert (one.parent, one.attributes["kull.seq"]) == (PARENT, 1)
    assert one.attributes["messaging.client.id"] == "mac"
    ack(hub, 1)
    assert (one.ended, two.ended) == (True, False)
    ack(hub, 2)
    assert (two.ended, two.error) == (True, "")


def test_what_is_not_written_is_no_step(hub: Hub, tracer: MemoryTracer) -> None:
    hub.link_frame("r", pushed(1, exclude="mac"), 0)
    hub.link_frame("r", pushed(2, trace=""), 0)

    assert tracer.spans == []


def test_a_connection_that_ends_ends_its_steps_as_failed(hub: Hub, tracer: MemoryTracer) -> None:
    hub.link_frame("r", pushed(1), 0)

    hub.disconnected(1, 0)

    (span,) = tracer.spans
    assert (span.ended, span.error) == (True, GONE)


def test_what_is_not_stored_is_over_once_it_is_written(hub: Hub, tracer: MemoryTracer) -> None:
    hub.link_frame("r", pushed(0), 0)

    (span,) = tracer.spans
    assert span.ended


def test_who_acknowledges_nothing_does_not_stop_what_is_recorded_of_others(
    tracer: MemoryTracer,
) -> None:
    given_up = Count(TRACES_GIVEN_UP)
    traces = DeliveryTraces(tracer, "edge", given_up=given_up, max_open=3)

    def written(session: int, seq: int) -> None:
        subscription = Subscription(MAYA, device_id="mac", window=Window(messages=4, bytes=1000))
        message = OutMessage(b"{}", seq=seq, trace=PARENT)
        traces.written(session, "mac", subscription, [Write(session, (message,))])

    for seq in (1, 2, 3):
        written(1, seq)
    written(2, 1)
    written(2, 2)

    assert [span.error for span in tracer.spans] == [GIVEN_UP, GIVEN_UP, "", "", ""]
    assert given_up.value == 2
    traces.settle(SubscriptionKey(2, MAYA), 2)
    traces.settle(SubscriptionKey(1, MAYA), 3)
    assert [span.ended for span in tracer.spans] == [True] * 5
    traces.released(SubscriptionKey(1, MAYA))
    assert [span.error for span in tracer.spans[2:]] == ["", "", ""]
