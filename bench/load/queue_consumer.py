"""The other end of the ceiling: one consumer of one queue instead of devices."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from bench.load.counters import Counters
from bench.load.fleet import Account, Tally
from kull_router.broker.amqp import AmqpConnection, AmqpUrl, ConsumerChannel

QUEUE = "ceiling"
PREFETCH = 512
ACK_EVERY = 256


class QueueConsumer:
    """Stands in for `Fleet`; the account's URL is RabbitMQ's.

    It acknowledges all that has come at once, with `multiple`. A `Worker` runs it.
    """

    def __init__(
        self, dialect: str, accounts: Sequence[Account], counters: Path, slot: int
    ) -> None:
        self._account = accounts[0]
        self._counters, self._slot = Counters(counters), slot
        self._task: asyncio.Task[NoReturn] | None = None

    async def connect(self, at_once: int) -> float:
        """Begin to consume."""
        url = AmqpUrl.parse(self._account.url)
        connection = await AmqpConnection.open(url, name="bench consumer", on_lost=_ignore)
        channel = await connection.channel(ConsumerChannel)
        await channel.consume(QUEUE, PREFETCH)
        self._task = asyncio.create_task(self._consume(channel), name="consume")
        return 0.0

    async def take_tally(self) -> Tally:
        """Return nothing: it only counts."""
        return Tally()

    async def _consume(self, channel: ConsumerChannel) -> NoReturn:
        while True:
            deliveries = await channel.receive(ACK_EVERY)
            channel.ack(deliveries[-1].tag)
            self._counters[self._slot] += len(deliveries)


def _ignore() -> None:
    """The loss of the connection shows in the next receive."""
