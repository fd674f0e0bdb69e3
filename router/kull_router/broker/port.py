"""The port between the router and RabbitMQ.

Adapters: `memory.MemoryBroker` (the twin, also the embedded default) and `rabbitmq.RabbitBroker`;
`tests/contract/test_broker.py` holds both to the same promises.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from kull_producers.events.message import Message

MAX_BODY: Final = 512 * 1024  # bytes; eight times the largest event, for lists of users
KEPT: Final = 1024  # bytes of a larger one
MOST_INSPECTED: Final = 1_000  # messages
INSPECTED_BYTES: Final = 32 * 2**20


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message handed to this consumer, to be acknowledged by its tag on the same channel.

    Attributes:
        too_large: the size of its body if that is above MAX_BODY, else 0; then `message.body` has
            only the first KEPT bytes, and no more of it was ever in memory.
    """

    tag: int
    message: Message
    redelivered: bool = False
    too_large: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFigures:
    """How a router fares with RabbitMQ.

    Attributes:
        blocked: RabbitMQ takes no messages for now.
        unacknowledged: deliveries that were handed to this router and not acknowledged.
        unacknowledged_bytes: of their bodies.
        ready: messages of all shards that were not handed out, whoever owns them, at the last look;
            None: nobody has looked yet.
    """

    blocked: bool = False
    unacknowledged: int = 0
    unacknowledged_bytes: int = 0
    ready: int | None = None


class Channel(Protocol):
    """One consumer on one queue, on an AMQP channel of its own.

    Acknowledgements belong to this instance: once it is closed, everything unacknowledged goes
    back to the queue in order and is delivered to the next consumer. It is closed as well when the
    queue is deleted; then nothing goes back.
    """

    async def receive(self, limit: int) -> Sequence[Delivery]:
        """Wait for deliveries and return up to `limit` of them, in queue order, at least one.

        Cancelling is safe: no delivery is lost. Raises ChannelClosed.
        """
        ...

    def ack(self, tag: int) -> None:
        """Acknowledge this delivery and all earlier ones of this channel (`multiple`).

        Does not wait. Raises ChannelClosed.
        """
        ...

    def check(self) -> None:
        """Raise ChannelClosed if it is known here to be closed."""
        ...

    async def aclose(self) -> None:
        """Close the channel; unacknowledged deliveries return to the queue. Idempotent."""
        ...


class Inspection(Protocol):
    """Messages that were taken out of a queue to be looked at. Close it soon.

    What was not removed goes back in order when it is closed, or the connection or process ends.
    """

    @property
    def deliveries(self) -> Sequence[Delivery]:
        """What was taken, in queue order: tags name them here."""
        ...

    @property
    def waiting(self) -> int:
        """How many messages were ready in the queue, those taken included."""
        ...

    def remove(self, tag: int) -> None:
        """Take this one delivery out of the queue for good. Raises ChannelClosed."""
        ...

    async def aclose(self) -> None:
        """Give back what was not removed: it is there again for the next look. Idempotent.

        Unless RabbitMQ takes seconds for it, or is gone.
        """
        ...


class Broker(Protocol):
    """What the router needs of RabbitMQ. Reconnecting is the adapter's work, with full jitter.

    Consuming and publishing use separate connections: a publisher that RabbitMQ blocks must not
    stop deliveries.
    """

    @property
    def connected(self) -> bool:
        """Whether RabbitMQ is reachable right now, and nothing of the topology known missing."""
        ...

    @property
    def blocked(self) -> bool:
        """Whether RabbitMQ takes no messages for now (memory or disk alarm): publishes wait."""
        ...

    @property
    def figures(self) -> BrokerFigures:
        """How it goes, without asking RabbitMQ."""
        ...

    async def start(self, shard_count: int) -> None:
        """Connect, waiting for RabbitMQ as long as it takes, and create the topology."""
        ...

    async def consume(self, queue: str, *, single_active: bool, prefetch: int) -> Channel:
        """Open a consumer. With `single_active` only one of all consumers of a queue is served.

        Raises BrokerUnavailable.
        """
        ...

    async def depth(self, queue: str) -> int:
        """Return how many messages are ready in a queue. Raises BrokerError."""
        ...

    async def inspect(self, queue: str, limit: int) -> Inspection:
        """Take up to `limit` (at most MOST_INSPECTED) of the oldest messages to look at them.

        Fewer if they are larger than INSPECTED_BYTES together, or somebody else has them. Nobody
        else waits for this, whatever lies there. Raises BrokerError.
        """
        ...

    async def repair(self) -> None:
        """Create again what has vanished of the topology: exchanges, queues, bindings.

        On return everything was there at some moment after the call. Queues that were deleted are
        new and empty, and their consumers are closed: open them again. While something is known
        to be missing `connected` is false. Raises BrokerUnavailable.
        """
        ...

    async def publish(self, message: Message) -> None:
        """Publish persistently and return once confirmed.

        Raises BrokerUnavailable, or BrokerError when the message cannot be routed, unless it is
        optional.
        """
        ...

    async def aclose(self) -> None:
        """Close channels and connections. Idempotent."""
        ...
