"""What a publisher records of its calls, and what travels on because of it."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from kull_producers import CreditUpdate, InvalidEvent, Publisher
from kull_producers.events import topology
from kull_producers.otel import OtelTracer
from kull_producers.publishing.tracing import is_sampled
from kull_producers.testing import MemoryTransport

GIFT = CreditUpdate(user_id="ada", new_balance=5, change=5, reason="Gift")
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter: InMemorySpanExporter) -> TracerProvider:
    made = TracerProvider(shutdown_on_exit=False)
    made.add_span_processor(SimpleSpanProcessor(exporter))
    return made


@pytest.fixture
def transport() -> MemoryTransport:
    return MemoryTransport()


async def test_the_event_bears_the_step_that_ends_with_its_confirm(
    exporter: InMemorySpanExporter, provider: TracerProvider, transport: MemoryTransport
) -> None:
    async with Publisher(transport, tracer=OtelTracer(provider)) as publisher:
        with provider.get_tracer("test").start_as_current_span("shoot") as shoot:
            await publisher.publish(GIFT)

    (published,) = (each for each in exporter.get_finished_spans() if each.name == "kull.publish")
    assert published.parent == shoot.get_span_context()
    [message] = transport.messages
    travelling = str(message.headers[topology.HEADER_TRACEPARENT])
    assert is_sampled(travelling)
    assert travelling[36:52] == f"{published.context.span_id:016x}"


async def test_a_given_traceparent_is_the_parent(
    exporter: InMemorySpanExporter, provider: TracerProvider, transport: MemoryTransport
) -> None:
    async with Publisher(transport, tracer=OtelTracer(provider)) as publisher:
        await publisher.publish(GIFT, traceparent=f"{PARENT}-01")

    (published,) = exporter.get_finished_spans()
    assert f"{published.context.trace_id:032x}" == TRACE


async def test_what_its_caller_does_not_record_travels_on_as_it_is(
    exporter: InMemorySpanExporter, provider: TracerProvider, transport: MemoryTransport
) -> None:
    async with Publisher(transport, tracer=OtelTracer(provider)) as publisher:
        await publisher.publish(GIFT, traceparent=f"{PARENT}-00")

    assert exporter.get_finished_spans() == ()
    [message] = transport.messages
    assert message.headers[topology.HEADER_TRACEPARENT] == f"{PARENT}-00"


async def test_a_call_that_raises_is_a_failed_step(
    exporter: InMemorySpanExporter, provider: TracerProvider, transport: MemoryTransport
) -> None:
    async with Publisher(transport, tracer=OtelTracer(provider)) as publisher:
        with pytest.raises(InvalidEvent):
            await publisher.publish(GIFT, idempotency_key="x" * 129)

    (published,) = exporter.get_finished_spans()
    assert "128" in (published.status.description or "")
