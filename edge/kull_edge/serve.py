"""The role `kull edge`: one edge."""

from __future__ import annotations

from contextlib import AsyncExitStack

import structlog

from kull_edge.errors import CannotListen
from kull_edge.node import Edge
from kull_edge.settings import EdgeSettings
from kull_protos.serving import exposition
from kull_protos.serving.status_page import StatusPage, metrics, probes
from kull_protos.serving.traces import traces

log = structlog.get_logger(__name__)


async def serve(settings: EdgeSettings) -> None:
    """Run an edge until it was drained, dies or is cancelled.

    Raises EdgeError, TracesUnavailable.
    """
    if settings.allow_plain_tokens:
        log.warning("plain_tokens_allowed", why="anyone may connect as any user")
    async with AsyncExitStack() as stack:
        tracer = await stack.enter_async_context(
            traces(
                settings.traces_url,
                role="kull-edge",
                node=settings.node_id,
                ratio=settings.traces_ratio,
            )
        )
        edge = await stack.enter_async_context(Edge(settings, tracer=tracer))
        if settings.metrics_port:
            await _serve_status(stack, edge, settings)
        await edge.wait()


async def _serve_status(stack: AsyncExitStack, edge: Edge, settings: EdgeSettings) -> None:
    registry = edge.metrics.registry()
    counted = metrics(lambda: exposition.text(registry), exposition.CONTENT_TYPE)
    routes = {**probes(lambda: edge.ready), **counted}
    try:
        await stack.enter_async_context(StatusPage(settings.host, settings.metrics_port, routes))
    except OSError as error:
        raise CannotListen(
            f"cannot serve metrics on {settings.host}:{settings.metrics_port}: {error.strerror}. "
            "Set KULL_EDGE_METRICS_PORT to a free port"
        ) from error
