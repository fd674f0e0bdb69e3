# Generated from protos/kull_protos/serving/otel.py by `make contract`: do not edit.
"""Steps as OpenTelemetry's spans. Importing this needs `opentelemetry-api`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from kull_producers.publishing.tracing import TRACEPARENT, Attributes, Part, Span

_W3C: Final = TraceContextTextMapPropagator()


class OtelSpan:
    """See Span."""

    __slots__ = ("_span", "traceparent")

    def __init__(self, span: trace.Span) -> None:
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, trace.set_span_in_context(span))
        self.traceparent = carrier[TRACEPARENT]
        self._span = span

    def link(self, traceparent: str) -> None:
        """See Span."""
        self._span.add_link(_context(traceparent))

    def end(self, error: str = "") -> None:
        """See Span."""
        if error:
            self._span.set_status(Status(StatusCode.ERROR, error))
        self._span.end()


class OtelTracer:
    """See Tracer. What is recorded goes where the program's OpenTelemetry sends it.

    Args:
        provider: instead of the program's own.
    """

    def __init__(self, provider: trace.TracerProvider | None = None) -> None:
        self._tracer = trace.get_tracer("kull", tracer_provider=provider)

    def start(
        self,
        name: str,
        part: Part,
        *,
        parent: str = "",
        links: Sequence[str] = (),
        attributes: Attributes | None = None,
    ) -> Span | None:
        """See Tracer."""
        span = self._tracer.start_span(
            name,
            context=_W3C.extract({TRACEPARENT: parent}) if parent else None,
            kind=SpanKind[part.upper()],
            links=[trace.Link(_context(each)) for each in links],
            attributes=attributes,
        )
        return OtelSpan(span) if span.is_recording() else None


def _context(traceparent: str) -> trace.SpanContext:
    carried = _W3C.extract({TRACEPARENT: traceparent})
    return trace.get_current_span(carried).get_span_context()
