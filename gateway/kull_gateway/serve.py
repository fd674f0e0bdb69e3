"""The gateway as a process of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from fastapi import FastAPI
from prometheus_client import start_http_server

from kull_gateway.app import create_app
from kull_gateway.health import AskDetails, Status, publisher_status
from kull_gateway.hosts import authority
from kull_gateway.metrics import GatewayMetrics
from kull_gateway.settings import GatewaySettings
from kull_producers.connect import connect
from kull_producers.publishing.publisher import Publisher

log = structlog.get_logger(__name__)


async def serve(
    settings: GatewaySettings,
    *,
    details: AskDetails | None = None,
    extend: Callable[[FastAPI], None] = lambda app: None,
) -> None:
    """Serve the triggers until cancelled.

    `details` returns what the status tells beside RabbitMQ's state; None: nothing. `extend` may add
    routes of its own.
    Shutdown: stop accepting, let requests end, disconnect from RabbitMQ. Raises what `async with`
    of `connect` raises, GatewayConfigError, and OSError when the port cannot be used.
    """
    metrics = GatewayMetrics()
    publisher = _publisher(settings)

    async def status() -> Status:
        now = await publisher_status(publisher)
        more = await details() if details else {}
        return Status(ready=now.ready, details={**now.details, **more})

    app = create_app(
        publisher,
        authorize=settings.authorize(),
        status=status,
        minter=settings.minter(),
        origins=settings.pages(),
        buckets=settings.buckets(),
        metrics=metrics,
    )
    extend(app)
    with _listener(settings.gateway_host, settings.gateway_port) as listener:
        async with publisher:
            _serve_metrics(settings, metrics)
            config = uvicorn.Config(
                app,
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                timeout_graceful_shutdown=int(settings.gateway_publish_timeout) + 1,
            )
            host, port = listener.getsockname()[:2]
            log.info("gateway_ready", url=f"http://{authority(host, port)}")
            await _serve(_Server(config), listener)


def _publisher(settings: GatewaySettings) -> Publisher:
    url = settings.amqp_url.get_secret_value()
    if settings.gateway_outbox is not None:
        return connect(
            url,
            outbox=settings.gateway_outbox,
            shard_count=settings.shard_count,
            app_id="kull-gateway",
            in_flight=settings.gateway_in_flight,
        )
    return connect(
        url,
        shard_count=settings.shard_count,
        app_id="kull-gateway",
        in_flight=settings.gateway_in_flight,
        timeout=settings.gateway_publish_timeout,
    )


def _serve_metrics(settings: GatewaySettings, metrics: GatewayMetrics) -> None:
    if not settings.gateway_metrics_port:
        return
    try:
        start_http_server(
            settings.gateway_metrics_port, settings.gateway_host, registry=metrics.registry
        )
    except OSError as error:
        raise OSError(
            f"cannot serve metrics on {settings.gateway_host}:{settings.gateway_metrics_port}: "
            f"{error.strerror}. Set KULL_GATEWAY_METRICS_PORT to a free port"
        ) from error


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to whoever runs us: they cancel `serve`."""
        yield


async def _serve(server: uvicorn.Server, listener: socket.socket) -> None:
    """Serve until cancelled; then let requests end."""
    task = asyncio.create_task(server.serve(sockets=[listener]), name="http")
    try:
        await asyncio.shield(task)
    finally:
        server.should_exit = True
        await asyncio.wait({task})


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise OSError(
            f"cannot listen on {host}:{port}: {error.strerror}. "
            "Set KULL_GATEWAY_PORT to a free port"
        ) from error
