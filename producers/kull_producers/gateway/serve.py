"""The gateway as a process of its own."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn

from kull_producers.connecting import connect
from kull_producers.gateway.app import create_app
from kull_producers.gateway.settings import GatewaySettings

log = structlog.get_logger(__name__)


async def serve(settings: GatewaySettings) -> None:
    """Serve the triggers until SIGTERM or SIGINT.

    Shutdown: stop accepting, let requests end, disconnect from RabbitMQ. Raises what `async with`
    of `connect` raises, and OSError when the port cannot be used.
    """
    authorize = settings.authorize()
    publisher = connect(
        settings.amqp_url.get_secret_value(),
        shard_count=settings.shard_count,
        app_id="kull-gateway",
        in_flight=settings.gateway_in_flight,
        timeout=settings.publish_timeout,
    )
    with _listener(settings.gateway_host, settings.gateway_port) as listener:
        async with publisher:
            config = uvicorn.Config(
                create_app(publisher, authorize=authorize),
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                timeout_graceful_shutdown=int(settings.publish_timeout) + 1,
            )
            host, port = listener.getsockname()[:2]
            log.info("gateway_ready", url=f"http://{host}:{port}")
            await _Server(config).serve(sockets=[listener])


class _Server(uvicorn.Server):
    """Ends when it is signalled; uvicorn itself would raise the signal again before we are done."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        signals = (signal.SIGTERM, signal.SIGINT)
        for number in signals:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise OSError(
            f"cannot listen on {host}:{port}: {error.strerror}. "
            "Set KULL_GATEWAY_PORT to a free port"
        ) from error
