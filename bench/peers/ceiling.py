"""The ceiling: RabbitMQ alone, one quorum queue, confirms, multiple acks, no devices."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from bench.cpu import Roles
from bench.load.outlets import AmqpOutlet, Outlet, Route
from bench.load.queue_consumer import QUEUE
from bench.peers.peer import broker, collect_garbage, objects


class Ceiling:
    """See `Peer`. What no system on this broker can exceed; a consumer takes the devices' place."""

    name = "RabbitMQ alone"
    promise = "no devices"
    dialect = "amqp"

    def __init__(self) -> None:
        self._broker = broker()

    def start(self) -> None:
        """See `Peer.start`."""
        self._broker.start()
        self._broker.ctl("eval", _DECLARE)

    def close(self) -> None:
        """See `Peer.close`."""
        self._broker.close()

    def roles(self) -> Roles:
        """See `Peer.roles`."""
        return Roles({"broker": [self._broker.pid]})

    def urls(self) -> Sequence[str]:
        """See `Peer.urls`: where the consumer connects."""
        return [self._broker.url]

    def token(self, user: str, device: str) -> str:
        """See `Peer.token`: it has none."""
        return ""

    def outlet(self) -> Callable[[], Outlet]:
        """See `Peer.outlet`."""
        return functools.partial(AmqpOutlet, Route(url=self._broker.url, queue=QUEUE))

    def settle(self) -> None:
        """See `Peer.settle`."""
        collect_garbage(self._broker)

    def broker_objects(self) -> int:
        """See `Peer.broker_objects`."""
        return objects(self._broker)


_DECLARE = f"""
rabbit_amqqueue:declare(rabbit_misc:r(<<"/">>, queue, <<"{QUEUE}">>), true, false,
    [{{<<"x-queue-type">>, longstr, <<"quorum">>}}], none, <<"guest">>).
"""
