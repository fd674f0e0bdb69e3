"""The ceiling: RabbitMQ alone, one quorum queue, confirms, multiple acks, no devices."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from bench.cpu import Roles
from bench.load.outlets import AmqpOutlet, Outlet, Route
from bench.load.queue_consumer import QUEUE
from bench.rivals.rival import broker, collect_garbage, objects


class Ceiling:
    """See `Rival`. What none on this broker can exceed; a consumer takes the devices' place."""

    name = "RabbitMQ alone"
    promise = "no devices"
    dialect = "amqp"

    def __init__(self) -> None:
        self._broker = broker()

    def start(self) -> None:
        """See `Rival.start`."""
        self._broker.start()
        self._broker.ctl("eval", _DECLARE)

    def close(self) -> None:
        """See `Rival.close`."""
        self._broker.close()

    def roles(self) -> Roles:
        """See `Rival.roles`."""
        return Roles({"broker": [self._broker.pid]})

    def urls(self) -> Sequence[str]:
        """See `Rival.urls`: where the consumer connects."""
        return [self._broker.url]

    def token(self, user: str, device: str) -> str:
        """See `Rival.token`: it has none."""
        return ""

    def outlet(self) -> Callable[[], Outlet]:
        """See `Rival.outlet`."""
        return functools.partial(AmqpOutlet, Route(url=self._broker.url, queue=QUEUE))

    def settle(self) -> None:
        """See `Rival.settle`."""
        collect_garbage(self._broker)

    def broker_objects(self) -> int:
        """See `Rival.broker_objects`."""
        return objects(self._broker)


_DECLARE = f"""
rabbit_amqqueue:declare(rabbit_misc:r(<<"/">>, queue, <<"{QUEUE}">>), true, false,
    [{{<<"x-queue-type">>, longstr, <<"quorum">>}}], none, <<"guest">>).
"""
