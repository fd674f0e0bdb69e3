"""A RabbitMQ that tests have one after the other, each to itself: starting one costs seconds."""

from __future__ import annotations

import httpx

from tests.support import shared_run
from tests.support.rabbitmq.local import RabbitMQ


class SpareRabbitMQ:
    """Keeps the node that the last test has left behind, if it is good for another one."""

    def __init__(self) -> None:
        self._spare: RabbitMQ | None = None

    def take(self) -> RabbitMQ:
        """Return a running, empty node. Raises RuntimeError as `RabbitMQ.start`."""
        broker, self._spare = self._spare, None
        if broker is not None:
            shared_run.spares.difference_update(broker.pids)
        else:
            broker = RabbitMQ()
            try:
                broker.start()
            except BaseException:
                broker.close()
                raise
        return broker

    def give_back(self, broker: RabbitMQ) -> None:
        """Empty it for the next test, or end it when it does not answer."""
        try:
            if broker.running:
                broker.thaw()
                broker.endpoint.empty_vhost()
                self._spare = broker
                shared_run.spares.update(broker.pids)
                return
        except httpx.HTTPError:
            pass
        broker.close()

    def close(self) -> None:
        """End what is kept. Idempotent."""
        if self._spare is not None:
            shared_run.spares.difference_update(self._spare.pids)
            self._spare.close()
            self._spare = None
