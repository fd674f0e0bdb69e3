"""The role `kull router`: one router on RabbitMQ."""

from __future__ import annotations

from contextlib import AsyncExitStack

import structlog

from kull_protos.serving import exposition
from kull_protos.serving.status_page import StatusPage, metrics, probes
from kull_protos.serving.traces import traces
from kull_router.broker.rabbitmq import RabbitBroker
from kull_router.errors import ConfigError
from kull_router.measures.router import RouterMeasures
from kull_router.node import Router
from kull_router.queues.sql.location import open_store
from kull_router.settings import RouterSettings

log = structlog.get_logger(__name__)


async def serve(settings: RouterSettings) -> None:
    """Run a router until it was drained, dies or is cancelled.

    Raises RouterError, TracesUnavailable.
    """
    if settings.amqp_url is None:
        raise ConfigError(
            "set KULL_AMQP_URL, e.g. amqp://user:password@localhost/; "
            "without RabbitMQ use `kull up`"
        )
    if settings.allow_plain_tokens:
        log.warning("plain_tokens_allowed", why="anyone may connect as any user")
    async with AsyncExitStack() as stack:
        tracer = await stack.enter_async_context(
            traces(
                settings.traces_url,
                role="kull-router",
                node=settings.router_id,
                ratio=settings.traces_ratio,
            )
        )
        measures = RouterMeasures()
        store = await open_store(settings, measures.store)
        broker = RabbitBroker(
            settings.amqp_url.get_secret_value(), prefetch_bytes=settings.prefetch_bytes
        )
        router = Router(settings, broker=broker, store=store, tracer=tracer, measures=measures)
        await stack.enter_async_context(router)
        if settings.metrics_port:
            await _serve_status(stack, router, settings)
        await router.wait()


async def _serve_status(stack: AsyncExitStack, router: Router, settings: RouterSettings) -> None:
    registry = router.metrics.registry()
    routes = {
        **probes(lambda: router.ready),
        **metrics(lambda: exposition.text(registry), exposition.CONTENT_TYPE),
    }
    try:
        await stack.enter_async_context(
            StatusPage(settings.grpc_host, settings.metrics_port, routes)
        )
    except OSError as error:
        raise ConfigError(
            f"cannot serve metrics on {settings.grpc_host}:{settings.metrics_port}: "
            f"{error.strerror}. Set KULL_METRICS_PORT to a free port"
        ) from error
