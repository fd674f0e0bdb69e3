"""What every Tracer promises: OpenTelemetry's, and the twin that tests look into."""

from __future__ import annotations

from typing import Protocol

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from kull_protos.common.tracing import Tracer, is_sampled
from kull_protos.serving.otel import OtelTracer
from tests.support.tracing import MemoryTracer

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
OTHER = "00-1af7651916cd43dd8448eb211c80319c-c7ad6b7169203331-01"
UNSAMPLED = f"00-{TRACE}-b7ad6b7169203331-00"


class Bench(Protocol):
    """A tracer, and the names of what it has recorded."""

    tracer: Tracer

    def recorded(self) -> list[tuple[str, str]]: ...


class Twin:
    def __init__(self) -> None:
        self.tracer = MemoryTracer()

    def recorded(self) -> list[tuple[str, str]]:
        return [(each.name, each.error) for each in self.tracer.spans if each.ended]


class Otel:
    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = OtelTracer(provider)

    def recorded(self) -> list[tuple[str, str]]:
        spans = self._exporter.get_finished_spans()
        return [(each.name, each.status.description or "") for each in spans]


@pytest.fixture(params=[Twin, Otel])
def bench(request: pytest.FixtureRequest) -> Bench:
    made: Bench = request.param()
    return made


def test_a_step_is_of_its_parents_trace_and_recorded_when_it_ends(bench: Bench) -> None:
    span = bench.tracer.start("kull.store", "consumer", parent=PARENT, attributes={"n": 1})

    assert span is not None
    assert span.traceparent[3:35] == TRACE
    assert span.traceparent != PARENT
    assert is_sampled(span.traceparent)
    assert bench.recorded() == []
    span.end()
    assert bench.recorded() == [("kull.store", "")]


def test_a_step_that_failed_says_why_and_ends_once(bench: Bench) -> None:
    span = bench.tracer.start("kull.store", "consumer", parent=PARENT)

    assert span is not None
    span.link(OTHER)
    span.end("the disk is full")
    span.end()
    assert bench.recorded() == [("kull.store", "the disk is full")]


def test_without_a_parent_a_trace_begins(bench: Bench) -> None:
    first = bench.tracer.start("kull.publish", "producer")
    second = bench.tracer.start("kull.publish", "producer", links=[PARENT])

    assert first is not None
    assert second is not None
    assert first.traceparent[3:35] != second.traceparent[3:35]


def test_what_its_parent_does_not_record_is_not_recorded(bench: Bench) -> None:
    assert bench.tracer.start("kull.store", "consumer", parent=UNSAMPLED) is None
    assert bench.recorded() == []


def test_a_parent_that_cannot_be_read_is_as_none(bench: Bench) -> None:
    span = bench.tracer.start("kull.store", "consumer", parent="00-what-is-this")

    assert span is not None
    assert is_sampled(span.traceparent)
