"""The port between the publisher and RabbitMQ."""

from __future__ import annotations

from typing import Final, Protocol

from kull_producers.events.message import Message

BLOCKED: Final = "RabbitMQ takes no events for now, its memory or disk is short"


class Transport(Protocol):
    """A connection that publishes messages.

    A call raises CancelledError when its caller is cancelled, always then and only then.

    A broker may fall silent: it is connected, and neither answers nor hangs up. Then every call
    ends with NoAnswer or ConnectError, within seconds that do not depend on the broker, and the
    connection is given up, also while nobody calls. Once the broker answers again, so does the
    next call.

    Adapters: `rabbitmq.RabbitTransport`, and its twin `testing.MemoryTransport`.
    """

    async def publish(self, message: Message) -> None:
        """Publish persistently and return once the broker has confirmed the message.

        Safe to call many times concurrently; messages leave in the order of the calls.
        Cancelling leaves it open whether the message was stored.

        Raises:
            NotRoutable: the exchange does not exist or nothing is bound for the key.
            PublishError: the broker refused the message.
            ConnectError: the connection is down or was lost before the confirm; NoAnswer: because
                the broker is silent. The message may have been stored.
        """
        ...

    async def check_shard_count(self, shard_count: int) -> None:
        """Return if the deployment has this shard count.

        Raises:
            ShardCountMismatch: the topology exists with another count.
            NotDeployed: no router has created the topology yet.
            ConnectError: the connection is down; NoAnswer: the broker is silent.
        """
        ...

    async def takes_batches(self) -> bool:
        """Return whether the deployment's routers take several events in one message.

        Raises ConnectError: the connection is down; NoAnswer: the broker is silent.
        """
        ...

    async def blocked(self) -> bool:
        """Return whether the broker takes no messages for now, its memory or disk being short.

        Meanwhile publishing waits.
        """
        ...

    async def aclose(self) -> None:
        """Close the connection, within seconds whatever the broker does. Idempotent."""
        ...
