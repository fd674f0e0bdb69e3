"""A tracer that keeps what it has recorded, and a collector that gets it by OTLP over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from kull_protos.common.tracing import Attributes, Part, is_traceparent

NOT_SAMPLED = "00"


@dataclass(kw_only=True, eq=False)
class MemorySpan:
    """See Span; everything that was said of it can be read."""

    name: str
    part: Part
    traceparent: str
    parent: str
    links: list[str]
    attributes: dict[str, str | int]
    ended: bool = False
    error: str = ""

    @property
    def trace(self) -> str:
        return self.traceparent[3:35]

    def link(self, traceparent: str) -> None:
        self.links.append(traceparent)

    def end(self, error: str = "") -> None:
        if not self.ended:
            self.ended, self.error = True, error


@dataclass
class MemoryTracer:
    """See Tracer."""

    spans: list[MemorySpan] = field(default_factory=list)
    _ids: Iterator[int] = field(default_factory=lambda: count(1))

    def start(
        self,
        name: str,
        part: Part,
        *,
        parent: str = "",
        links: Sequence[str] = (),
        attributes: Attributes | None = None,
    ) -> MemorySpan | None:
        if not is_traceparent(parent):
            parent = ""
        if parent.endswith(NOT_SAMPLED):
            return None
        number = next(self._ids)
        trace = parent[3:35] or f"{number:032x}"
        span = MemorySpan(
            name=name,
            part=part,
            traceparent=f"00-{trace}-{number:016x}-01",
            parent=parent,
            links=list(links),
            attributes=dict(attributes or {}),
        )
        self.spans.append(span)
        return span


@dataclass(frozen=True, kw_only=True)
class Collected:
    """A span as a collector has got it; ids in hex."""

    service: str
    name: str
    trace: str
    span: str
    parent: str
    error: str
    attributes: dict[str, str | int]


class Collector:
    """Keeps the spans that it gets."""

    def __init__(self) -> None:
        self.url = ""
        self._spans: list[Collected] = []
        self._lock = threading.Lock()

    def take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        found = [
            Collected(
                service=str(_attributes(group.resource.attributes)["service.name"]),
                name=span.name,
                trace=span.trace_id.hex(),
                span=span.span_id.hex(),
                parent=span.parent_span_id.hex(),
                error=span.status.message,
                attributes=_attributes(span.attributes),
            )
            for group in request.resource_spans
            for scope in group.scope_spans
            for span in scope.spans
        ]
        with self._lock:
            self._spans += found

    def of(self, trace: str) -> dict[str, Collected]:
        """Return the spans of a trace by their names."""
        with self._lock:
            return {each.name: each for each in self._spans if each.trace == trace}


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, str | int]:
    return {each.key: each.value.string_value or each.value.int_value for each in pairs}


@contextmanager
def collecting() -> Iterator[Collector]:
    """Yield a collector that listens on a free port."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.url = f"http://127.0.0.1:{server.server_address[1]}/v1/traces"
    thread = threading.Thread(target=server.serve_forever, name="collector")
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
