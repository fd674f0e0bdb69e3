"""The other end of the ceiling: one consumer of one queue instead of devices."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from bench.load import events
from bench.load.account import Account, Tally
from bench.load.counters import Counters
from bench.load.worker import now_us
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
        self._tally = Tally()
        self._keep_latencies = False
        self._task: asyncio.Task[NoReturn] | None = None

    async def connect(self, at_once: int) -> float:
        """Begin to consume."""
        url = AmqpUrl.parse(self._account.url)
        connection = await AmqpConnection.open(url, name="bench consumer", on_lost=_ignore)
        channel = await connection.channel(ConsumerChannel)
        await channel.consume(QUEUE, PREFETCH)
        self._task = asyncio.create_task(self._consume(channel), name="consume")
        return 0.0

    async def keep_latencies(self, keep: bool) -> None:
        """Begin or end to note how long each event took."""
        self._keep_latencies = keep

    async def take_tally(self) -> Tally:
        """Return what was seen since the last call; it does not look at the order."""
        tally, self._tally = self._tally, Tally()
        return tally

    async def _consume(self, channel: ConsumerChannel) -> NoReturn:
        while True:
            deliveries = await channel.receive(ACK_EVERY)
            channel.ack(deliveries[-1].tag)
            self._counters[self._slot] += len(deliveries)
            if self._keep_latencies:
                seen = (events.read(each.message.body) for each in deliveries)
                now = now_us()
                self._tally.latencies.extend(now - each.sent for each in seen if each)


def _ignore() -> None:
    """The loss of the connection shows in the next receive."""
