"""The gateway as a process of its own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack

import structlog
from fastapi import FastAPI

from kull_gateway.app import create_app
from kull_gateway.device_route import SignOut
from kull_gateway.health import AskDetails, Status, publisher_status
from kull_gateway.hosts import authority
from kull_gateway.http import HttpSide
from kull_gateway.metrics import GatewayMetrics
from kull_gateway.places import Places
from kull_gateway.presence_route import AskPresence
from kull_gateway.serving import status_page
from kull_gateway.serving.listener import Listener, bind
from kull_gateway.serving.status_page import StatusPage
from kull_gateway.serving.traces import traces
from kull_gateway.settings import GatewaySettings
from kull_producers import exposition
from kull_producers.connect import connect
from kull_producers.event_modules import load
from kull_producers.publishing.publisher import Publisher
from kull_producers.publishing.tracing import Tracer

log = structlog.get_logger(__name__)


async def serve(
    settings: GatewaySettings,
    *,
    details: AskDetails | None = None,
    sign_out: SignOut | None = None,
    presence: AskPresence | None = None,
    extend: Callable[[FastAPI], None] = lambda app: None,
) -> None:
    """Serve the triggers until cancelled.

    `details` returns what the status tells beside RabbitMQ's state; None: nothing. `sign_out`,
    `presence`: see `create_app`. `extend` may add routes of its own.
    Shutdown: stop accepting, let requests end, disconnect from RabbitMQ. Raises what `async with`
    of `connect` raises, GatewayConfigError, EventModuleError, and OSError when the port cannot be
    used.
    """
    node = f"{settings.gateway_host}:{settings.gateway_port}"
    to = traces(settings.traces_url, role="kull-gateway", node=node, ratio=settings.traces_ratio)
    async with to as tracer:
        publisher = _publisher(settings, tracer)
        await _serve_with(
            publisher,
            settings,
            details=details,
            sign_out=sign_out,
            presence=presence,
            extend=extend,
        )


async def _serve_with(
    publisher: Publisher,
    settings: GatewaySettings,
    *,
    details: AskDetails | None,
    sign_out: SignOut | None,
    presence: AskPresence | None,
    extend: Callable[[FastAPI], None],
) -> None:
    metrics = GatewayMetrics(publisher)

    async def status() -> Status:
        now = await publisher_status(publisher)
        more = await details() if details else {}
        return Status(ready=now.ready, details={**now.details, **more})

    app = create_app(
        publisher,
        authorize=settings.authorize(),
        events=load(settings.events_modules),
        status=status,
        minter=settings.minter(),
        sign_out=sign_out,
        presence=presence,
        origins=settings.pages(),
        buckets=settings.buckets(),
        attempts=settings.attempts(),
        metrics=metrics,
    )
    extend(app)
    listening = _bind(settings.gateway_host, settings.gateway_port)
    try:
        async with publisher, AsyncExitStack() as stack:
            if settings.gateway_metrics_port:
                await _serve_metrics(stack, settings, metrics)
            await _serve(app, settings, listening)
    finally:
        for each in listening:
            each.close()


async def _serve(app: FastAPI, settings: GatewaySettings, listening: list[socket.socket]) -> None:
    """Serve until cancelled; then let requests end."""
    places = Places(settings.places())
    http = HttpSide(app, places=places, timeouts=settings.timeouts())
    listener = Listener(listening, http.protocol, shed=places.shed)
    listener.start()
    log.info("gateway_ready", url=f"http://{authority(*listener.address)}")
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        listener.close()
        await http.aclose(settings.gateway_publish_timeout + 1)


def _publisher(settings: GatewaySettings, tracer: Tracer) -> Publisher:
    url = settings.amqp_url.get_secret_value()
    if settings.gateway_outbox is not None:
        return connect(
            url,
            outbox=settings.gateway_outbox,
            shard_count=settings.shard_count,
            app_id="kull-gateway",
            in_flight=settings.gateway_in_flight,
            bursts=settings.gateway_bursts,
        )
    return connect(
        url,
        shard_count=settings.shard_count,
        app_id="kull-gateway",
        in_flight=settings.gateway_in_flight,
        bursts=settings.gateway_bursts,
        timeout=settings.gateway_publish_timeout,
        tracer=tracer,
    )


async def _serve_metrics(
    stack: AsyncExitStack, settings: GatewaySettings, counted: GatewayMetrics
) -> None:
    host, port = settings.gateway_host, settings.gateway_metrics_port
    registry = counted.registry()
    routes = status_page.metrics(lambda: exposition.text(registry), exposition.CONTENT_TYPE)
    try:
        await stack.enter_async_context(StatusPage(host, port, routes))
    except OSError as error:
        raise OSError(
            f"cannot serve metrics on {host}:{port}: {error.strerror}. "
            "Set KULL_GATEWAY_METRICS_PORT to a free port"
        ) from error


def _bind(host: str, port: int) -> list[socket.socket]:
    try:
        return bind(host, port)
    except OSError as error:
        raise OSError(
            f"cannot listen on {host}:{port}: {error.strerror}. "
            "Set KULL_GATEWAY_PORT to a free port"
        ) from error
