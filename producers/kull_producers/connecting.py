"""The front door: a publisher on a real RabbitMQ."""

from __future__ import annotations

from kull_producers import topology
from kull_producers.publisher import (
    DEFAULT_APP_ID,
    DEFAULT_IN_FLIGHT,
    DEFAULT_TIMEOUT,
    Publisher,
)
from kull_producers.rabbitmq import RabbitTransport
from kull_producers.sync import SyncPublisher


def connect(
    url: str,
    *,
    shard_count: int = topology.DEFAULT_SHARD_COUNT,
    app_id: str = DEFAULT_APP_ID,
    in_flight: int = DEFAULT_IN_FLIGHT,
    timeout: float = DEFAULT_TIMEOUT,
) -> Publisher:
    """Return a publisher; `async with connect(url) as publisher` opens it.

    Args:
        url: `amqp://user:password@host:5672/vhost`, or `amqps://…`.
        shard_count: the deployment's (KULL_SHARD_COUNT of its routers).
        app_id: who publishes, for people who look at the messages.
        in_flight: how many messages may be unconfirmed at once; further calls wait.
        timeout: seconds until a call that is not confirmed raises.

    Raises:
        ConnectError: the URL is malformed. Connecting happens on `async with`.
    """
    return Publisher(
        RabbitTransport(url, name=app_id),
        shard_count=shard_count,
        app_id=app_id,
        in_flight=in_flight,
        timeout=timeout,
    )


def connect_sync(
    url: str,
    *,
    shard_count: int = topology.DEFAULT_SHARD_COUNT,
    app_id: str = DEFAULT_APP_ID,
    in_flight: int = DEFAULT_IN_FLIGHT,
    timeout: float = DEFAULT_TIMEOUT,
) -> SyncPublisher:
    """Return a publisher for code without asyncio; `with connect_sync(url)` opens it.

    Arguments and errors are those of `connect`.
    """
    return SyncPublisher(
        connect(url, shard_count=shard_count, app_id=app_id, in_flight=in_flight, timeout=timeout)
    )
