"""Where a role's traces go: to an OpenTelemetry collector, or nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from kull_protos.common.tracing import NO_TRACER, Tracer

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

FLUSH: Final = 5.0  # seconds for the last spans


class TracesUnavailable(OSError):
    """Traces are wanted, and what they need is not installed."""


@asynccontextmanager
async def traces(url: str, *, role: str, node: str, ratio: float) -> AsyncIterator[Tracer]:
    """Yield a tracer that sends to a collector by OTLP over HTTP; at the end send what is left.

    A collector that does not answer costs spans, nothing else: they wait in a bounded queue, and a
    thread of its own sends them.

    Args:
        url: e.g. `http://collector:4318/v1/traces`; empty: nothing is recorded.
        role: `service.name`.
        node: `service.instance.id`.
        ratio: the share of the traces beginning here that are recorded, 0 to 1.

    Raises:
        TracesUnavailable: OpenTelemetry's SDK is not installed.
    """
    if not url:
        yield NO_TRACER
        return
    try:
        # Few trace, and it takes a third of a second.
        from kull_protos.serving.otel import OtelTracer  # noqa: PLC0415

        provider = _provider(url, role=role, node=node, ratio=ratio)
    except ImportError as error:
        raise TracesUnavailable(
            f"KULL_TRACES_URL is set, and {error.name} is not installed: install the extra "
            "`traces`, e.g. pip install 'kull-mesh[traces]'"
        ) from error
    try:
        yield OtelTracer(provider)
    finally:
        await asyncio.to_thread(provider.force_flush, round(FLUSH * 1000))
        await asyncio.to_thread(provider.shutdown)


def _provider(url: str, *, role: str, node: str, ratio: float) -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased  # noqa: PLC0415

    provider = TracerProvider(
        resource=Resource.create({"service.name": role, "service.instance.id": node}),
        sampler=ParentBased(TraceIdRatioBased(ratio)),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url, timeout=FLUSH)))
    return provider
