"""The role `kull router`: one router on RabbitMQ."""

from __future__ import annotations

import structlog
from prometheus_client import start_http_server

from kull_router import metrics
from kull_router.broker.rabbitmq import RabbitBroker
from kull_router.errors import ConfigError
from kull_router.node import Router
from kull_router.queues.sql.location import open_store
from kull_router.settings import RouterSettings

log = structlog.get_logger(__name__)


async def serve(settings: RouterSettings) -> None:
    """Run a router until it was drained, dies or is cancelled. Raises RouterError."""
    if settings.amqp_url is None:
        raise ConfigError(
            "set KULL_AMQP_URL, e.g. amqp://user:password@localhost/; "
            "without RabbitMQ use `kull up`"
        )
    store = await open_store(settings)
    broker = RabbitBroker(settings.amqp_url.get_secret_value())
    metrics.BLOCKED.set_function(lambda: float(broker.blocked))
    if settings.allow_plain_tokens:
        log.warning("PLAIN TOKENS ARE ALLOWED: anyone may connect as any user")
    async with Router(settings, broker=broker, store=store) as router:
        if settings.metrics_port:
            _serve_metrics(settings)
        await router.wait()


def _serve_metrics(settings: RouterSettings) -> None:
    try:
        start_http_server(settings.metrics_port, settings.grpc_host)
    except OSError as error:
        raise ConfigError(
            f"cannot serve metrics on {settings.grpc_host}:{settings.metrics_port}: "
            f"{error.strerror}. Set KULL_METRICS_PORT to a free port"
        ) from error
