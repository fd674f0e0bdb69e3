"""Creates the topology in RabbitMQ. Works alike on 3.10 and 4.x, and on what exists already."""

from __future__ import annotations

import re
from typing import Final

from pamqp import commands
from pamqp.common import FieldTable

from kull_producers.events import topology
from kull_router.broker.amqp import AmqpChannel, Refused
from kull_router.broker.layout import BindingSpec, ExchangeSpec, Layout, QueueSpec, layout
from kull_router.errors import ConfigError, ShardCountMismatch

NOT_FOUND: Final = 404
PRECONDITION_FAILED: Final = 406
_CURRENT_MARK = re.compile(
    r"current is '" + re.escape(topology.shard_count_mark(0)[:-1]) + r"(\d+)'"
)


async def declare(channel: AmqpChannel, shard_count: int) -> None:
    """Create what is missing.

    Raises:
        ShardCountMismatch: the virtual host holds a deployment with another shard count.
        ConfigError: something of the same name has other properties.
        Refused, BrokerUnavailable: RabbitMQ did not do it, for another reason.
    """
    wanted = layout(shard_count)
    await _declare_all(channel, wanted, shard_count)
    await bind(channel, shard_count)


async def missing(channel: AmqpChannel, shard_count: int, depths: dict[str, int]) -> str:
    """Return the name of an exchange or queue that is not there; empty: all are.

    depths: gets how many messages are ready in each queue.

    The channel is of no use after a name was returned. Raises Refused, BrokerUnavailable.
    """
    wanted = layout(shard_count)
    name = ""
    try:
        for exchange in wanted.exchanges:
            name = exchange.name
            exists = commands.Exchange.Declare(exchange=name, passive=True)
            await channel.call(exists, commands.Exchange.DeclareOk)
        for queue in wanted.queues:
            name = queue.name
            there = commands.Queue.Declare(queue=name, passive=True)
            found = await channel.call(there, commands.Queue.DeclareOk)
            depths[name] = found.message_count or 0
    except Refused as error:
        if error.code != NOT_FOUND:
            raise
        return name
    return ""


async def bind(channel: AmqpChannel, shard_count: int) -> None:
    """Create the bindings that are missing. Raises Refused, BrokerUnavailable."""
    for binding in layout(shard_count).bindings:
        await _bind(channel, binding)


async def _declare_all(channel: AmqpChannel, wanted: Layout, shard_count: int) -> None:
    for exchange in wanted.exchanges:
        await _declare_exchange(channel, exchange, shard_count)
    for queue in wanted.queues:
        await _declare_queue(channel, queue)


async def _declare_exchange(channel: AmqpChannel, spec: ExchangeSpec, shard_count: int) -> None:
    arguments: FieldTable = {"alternate-exchange": spec.alternate} if spec.alternate else {}
    request = commands.Exchange.Declare(
        exchange=spec.name,
        exchange_type=spec.kind,
        durable=True,
        internal=spec.internal,
        arguments=arguments,
    )
    try:
        await channel.call(request, commands.Exchange.DeclareOk)
    except Refused as error:
        current = _CURRENT_MARK.search(error.text)
        if spec.name == topology.SHARDS and current:
            raise ShardCountMismatch(int(current[1]), shard_count) from error
        _explain("exchange", spec.name, error)


async def _declare_queue(channel: AmqpChannel, spec: QueueSpec) -> None:
    arguments: FieldTable = {
        "x-queue-type": "quorum",
        "x-delivery-limit": topology.DELIVERY_LIMIT,
    }
    if spec.single_active:
        arguments["x-single-active-consumer"] = True
    if spec.dead_letter:
        arguments["x-dead-letter-exchange"] = spec.dead_letter
    if spec.max_length is not None:
        arguments |= {"x-max-length": spec.max_length, "x-overflow": "drop-head"}
    if spec.max_bytes is not None:
        arguments |= {"x-max-length-bytes": spec.max_bytes, "x-overflow": "drop-head"}
    request = commands.Queue.Declare(queue=spec.name, durable=True, arguments=arguments)
    try:
        await channel.call(request, commands.Queue.DeclareOk)
    except Refused as error:
        _explain("queue", spec.name, error)


async def _bind(channel: AmqpChannel, spec: BindingSpec) -> None:
    if spec.to_exchange:
        await channel.call(
            commands.Exchange.Bind(
                destination=spec.destination, source=spec.source, routing_key=spec.pattern
            ),
            commands.Exchange.BindOk,
        )
    else:
        await channel.call(
            commands.Queue.Bind(
                queue=spec.destination, exchange=spec.source, routing_key=spec.pattern
            ),
            commands.Queue.BindOk,
        )


def _explain(kind: str, name: str, error: Refused) -> None:
    if error.code != PRECONDITION_FAILED:
        raise error
    raise ConfigError(
        f"{kind} {name} exists with other properties ({error.text}): "
        "delete it if nothing needs it, or use another virtual host"
    ) from error
