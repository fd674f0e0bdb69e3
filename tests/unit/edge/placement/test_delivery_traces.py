"""Which steps of a trace an edge adds: written to a device, until that has acknowledged it."""

from __future__ import annotations

import pytest

from kull_edge.hub import Hub
from kull_edge.placement.delivery_traces import GONE, DeliveryTraces
from kull_edge.protocol.outgoing import OutMessage
from kull_edge.session.effects import Write
from kull_edge.session.subscription import Subscription, Window
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


def test_of_too_many_that_wait_the_newer_ones_are_not_recorded(tracer: MemoryTracer) -> None:
    traces = DeliveryTraces(tracer, "edge", max_open=1)
    subscription = Subscription(MAYA, device_id="mac", window=Window(messages=4, bytes=1000))
    message = OutMessage(b"{}", seq=1, trace=PARENT)

    for _ in range(2):
        traces.written(1, "mac", subscription, [Write(1, (message,))])

    assert len(tracer.spans) == 1
