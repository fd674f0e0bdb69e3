"""The role `kull edge`: one edge, until it is told to stop."""

from __future__ import annotations

import asyncio
import signal

import structlog
from prometheus_client import start_http_server

from kull_edge.errors import CannotListen
from kull_edge.node import Edge
from kull_edge.settings import EdgeSettings

log = structlog.get_logger(__name__)


async def serve(settings: EdgeSettings) -> None:
    """Run an edge until SIGTERM or SIGINT, or until it dies. Raises EdgeError."""
    if settings.allow_plain_tokens:
        log.warning("PLAIN TOKENS ARE ALLOWED: anyone may connect as any user")
    async with Edge(settings) as edge:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        if settings.metrics_port:
            _serve_metrics(edge, settings)
        stopped = asyncio.create_task(stop.wait(), name="stop")
        died = asyncio.create_task(edge.wait(), name="died")
        await asyncio.wait({stopped, died}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if died.done():
            died.result()
        died.cancel()


def _serve_metrics(edge: Edge, settings: EdgeSettings) -> None:
    try:
        start_http_server(settings.metrics_port, settings.host, registry=edge.metrics.registry)
    except OSError as error:
        raise CannotListen(
            f"cannot serve metrics on {settings.host}:{settings.metrics_port}: {error.strerror}. "
            "Set KULL_EDGE_METRICS_PORT to a free port"
        ) from error
