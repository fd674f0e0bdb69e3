"""What the router creates in RabbitMQ, as values that both broker adapters carry out. PURE."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kull_producers.events import topology
from kull_producers.events.models import EVENTS

_ENTRANCES: Final = (*EVENTS.exchanges, topology.BURSTS)  # what feeds the exchange of the shards


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeSpec:
    """A durable exchange; `alternate` gets what no binding takes, `internal` refuses publishes."""

    name: str
    kind: str  # topic | fanout
    alternate: str = ""
    internal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSpec:
    """A durable queue.

    Attributes:
        single_active: only the first of its consumers is served.
        dead_letter: exchange for what the queue gives up on.
        max_length, max_bytes: messages and bytes of their bodies; above it the oldest are dropped.
            None: no such limit.
    """

    name: str
    single_active: bool = False
    dead_letter: str = ""
    max_length: int | None = None
    max_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingSpec:
    """A route from an exchange to a queue, or with `to_exchange` to another exchange."""

    source: str
    destination: str
    pattern: str = ""
    to_exchange: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The whole topology, in the order in which it must be created."""

    exchanges: Sequence[ExchangeSpec]
    queues: Sequence[QueueSpec]
    bindings: Sequence[BindingSpec]


def layout(shard_count: int) -> Layout:
    """Return the topology of a deployment.

    The exchange `kull.shards` comes first: its alternate exchange names the shard count, and
    RabbitMQ refuses to declare it again with another one.
    """
    mark = topology.shard_count_mark(shard_count)
    exchanges = [
        ExchangeSpec(name=topology.SHARDS, kind="fanout", alternate=mark),
        ExchangeSpec(name=mark, kind="fanout"),
        ExchangeSpec(name=topology.UNROUTED, kind="fanout"),
        ExchangeSpec(name=topology.DEAD, kind="fanout"),
        ExchangeSpec(name=topology.ROUTE, kind="topic", alternate=topology.UNROUTED, internal=True),
        *(ExchangeSpec(name=name, kind="topic") for name in (*_ENTRANCES, topology.PRESENCE)),
    ]
    shards = [
        QueueSpec(name=topology.shard_queue(shard), single_active=True, dead_letter=topology.DEAD)
        for shard in range(shard_count)
    ]
    queues = [
        QueueSpec(
            name=topology.DEAD,
            max_length=topology.DEAD_QUEUE_LENGTH,
            max_bytes=topology.DEAD_QUEUE_BYTES,
        ),
        QueueSpec(name=topology.UNROUTED, dead_letter=topology.DEAD),
        *shards,
    ]
    bindings = [
        BindingSpec(source=topology.DEAD, destination=topology.DEAD),
        BindingSpec(source=topology.UNROUTED, destination=topology.UNROUTED),
        *(
            BindingSpec(
                source=topology.ROUTE,
                destination=topology.shard_queue(shard),
                pattern=topology.shard_binding(shard),
            )
            for shard in range(shard_count)
        ),
        # Events may flow in only once their queues are bound.
        *(
            BindingSpec(source=name, destination=topology.ROUTE, pattern="#", to_exchange=True)
            for name in _ENTRANCES
        ),
    ]
    return Layout(exchanges=exchanges, queues=queues, bindings=bindings)
