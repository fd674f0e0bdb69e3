"""Where a program begins: a publisher on a real RabbitMQ."""

from __future__ import annotations

from pathlib import Path
from typing import overload

from kull_producers.contract.shard import DEFAULT_SHARD_COUNT
from kull_producers.outbox.publisher import Outbox, OutboxPublisher, SyncOutboxPublisher
from kull_producers.publishing.publisher import (
    DEFAULT_APP_ID,
    DEFAULT_IN_FLIGHT,
    DEFAULT_TIMEOUT,
    Publisher,
)
from kull_producers.publishing.sync import SyncPublisher
from kull_producers.publishing.tracing import NO_TRACER, Tracer


@overload
def connect(
    url: str,
    *,
    outbox: str | Path | Outbox,
    shard_count: int = ...,
    app_id: str = ...,
    in_flight: int = ...,
    bursts: bool = ...,
) -> OutboxPublisher: ...


@overload
def connect(
    url: str,
    *,
    outbox: None = None,
    shard_count: int = ...,
    app_id: str = ...,
    in_flight: int = ...,
    bursts: bool = ...,
    timeout: float = ...,
    tracer: Tracer = ...,
) -> Publisher: ...


def connect(
    url: str,
    *,
    outbox: str | Path | Outbox | None = None,
    shard_count: int = DEFAULT_SHARD_COUNT,
    app_id: str = DEFAULT_APP_ID,
    in_flight: int = DEFAULT_IN_FLIGHT,
    bursts: bool = False,
    timeout: float = DEFAULT_TIMEOUT,
    tracer: Tracer = NO_TRACER,
) -> Publisher:
    """Return a publisher; `async with connect(url) as publisher` opens it.

    Args:
        url: `amqp://user:password@host:5672/vhost`, `amqps://…`, `…@a:5672,b:5672/`.
        outbox: a file in which events wait for RabbitMQ. With one, calls return once the event is
            on disk, opening does not need RabbitMQ, and `timeout` means nothing.
        shard_count: the deployment's (KULL_SHARD_COUNT of its routers).
        app_id: the service that publishes: idempotency keys are unique within it.
        in_flight: how many events may be unconfirmed at once; further calls wait.
        bursts: what waits at the same time for the same shard shares a message, which third parties
            on the public exchanges do not get. See docs/decisions/0030-bursts.md.
        timeout: seconds until a call that is not confirmed raises.
        tracer: records calls until their confirms, e.g. `kull_producers.otel`'s; no outbox does.

    Raises:
        ConnectError: the URL is malformed. Connecting happens on `async with`.
    """
    # Who only names events, as a router does, need not load the AMQP library.
    from kull_producers.publishing.rabbitmq import RabbitTransport  # noqa: PLC0415

    transport = RabbitTransport(url, name=app_id)
    if outbox is not None:
        return OutboxPublisher(
            transport,
            outbox if isinstance(outbox, Outbox) else Outbox(path=Path(outbox)),
            shard_count=shard_count,
            app_id=app_id,
            in_flight=in_flight,
            bursts=bursts,
        )
    return Publisher(
        transport,
        shard_count=shard_count,
        app_id=app_id,
        in_flight=in_flight,
        bursts=bursts,
        timeout=timeout,
        tracer=tracer,
    )


@overload
def connect_sync(
    url: str,
    *,
    outbox: str | Path | Outbox,
    shard_count: int = ...,
    app_id: str = ...,
    in_flight: int = ...,
    bursts: bool = ...,
) -> SyncOutboxPublisher: ...


@overload
def connect_sync(
    url: str,
    *,
    outbox: None = None,
    shard_count: int = ...,
    app_id: str = ...,
    in_flight: int = ...,
    bursts: bool = ...,
    timeout: float = ...,
    tracer: Tracer = ...,
) -> SyncPublisher: ...


def connect_sync(
    url: str,
    *,
    outbox: str | Path | Outbox | None = None,
    shard_count: int = DEFAULT_SHARD_COUNT,
    app_id: str = DEFAULT_APP_ID,
    in_flight: int = DEFAULT_IN_FLIGHT,
    bursts: bool = False,
    timeout: float = DEFAULT_TIMEOUT,
    tracer: Tracer = NO_TRACER,
) -> SyncPublisher:
    """Return a publisher for code without asyncio; `with connect_sync(url)` opens it.

    Arguments and errors are those of `connect`.
    """
    if outbox is not None:
        return SyncOutboxPublisher(
            connect(
                url,
                outbox=outbox,
                shard_count=shard_count,
                app_id=app_id,
                in_flight=in_flight,
                bursts=bursts,
            )
        )
    return SyncPublisher(
        connect(
            url,
            shard_count=shard_count,
            app_id=app_id,
            in_flight=in_flight,
            bursts=bursts,
            timeout=timeout,
            tracer=tracer,
        )
    )
