"""The role `kull edge`: one edge."""

from __future__ import annotations

import structlog
from prometheus_client import start_http_server

from kull_edge.errors import CannotListen
from kull_edge.node import Edge
from kull_edge.settings import EdgeSettings

log = structlog.get_logger(__name__)


async def serve(settings: EdgeSettings) -> None:
    """Run an edge until it was drained, dies or is cancelled. Raises EdgeError."""
    if settings.allow_plain_tokens:
        log.warning("PLAIN TOKENS ARE ALLOWED: anyone may connect as any user")
    async with Edge(settings) as edge:
        if settings.metrics_port:
            _serve_metrics(edge, settings)
        await edge.wait()


def _serve_metrics(edge: Edge, settings: EdgeSettings) -> None:
    try:
        start_http_server(settings.metrics_port, settings.host, registry=edge.metrics.registry)
    except OSError as error:
        raise CannotListen(
            f"cannot serve metrics on {settings.host}:{settings.metrics_port}: {error.strerror}. "
            "Set KULL_EDGE_METRICS_PORT to a free port"
        ) from error
