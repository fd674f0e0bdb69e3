"""The gateway as a process of its own."""

from __future__ import annotations

import uvicorn

from kull_producers.connecting import connect
from kull_producers.gateway.app import create_app
from kull_producers.gateway.auth import service_auth
from kull_producers.gateway.settings import GatewaySettings


async def serve(settings: GatewaySettings) -> None:
    """Serve the triggers until SIGTERM or SIGINT.

    Shutdown: stop accepting, let requests end, disconnect from RabbitMQ. Raises like `connect`.
    """
    authorize = service_auth(settings.service_secret.get_secret_value())
    publisher = connect(
        settings.amqp_url.get_secret_value(),
        shard_count=settings.shard_count,
        app_id="kull-gateway",
        in_flight=settings.gateway_in_flight,
        timeout=settings.publish_timeout,
    )
    async with publisher:
        config = uvicorn.Config(
            create_app(publisher, authorize=authorize),
            host=settings.gateway_host,
            port=settings.gateway_port,
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=int(settings.publish_timeout) + 1,
        )
        await uvicorn.Server(config).serve()
