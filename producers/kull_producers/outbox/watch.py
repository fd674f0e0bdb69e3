"""Looks at an outbox now and then, for metrics: its figures take a query."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

from kull_producers.errors import OutboxError
from kull_producers.measures import Gauge, Measure, gauge, measures_of
from kull_producers.outbox.file_store import OutboxStatus
from kull_producers.publishing.cancellation import Cancellation

log = logging.getLogger(__name__)

INTERVAL: Final = 5.0  # seconds between two looks

PENDING: Final = gauge(
    "kull_outbox_pending", "Events that were accepted and are not confirmed, at the last look"
)
OLDEST: Final = gauge(
    "kull_outbox_oldest_seconds", "How long ago the oldest of them was accepted, by the wall clock"
)
SIZE: Final = gauge("kull_outbox_bytes", "Bytes of the events in a file, the refused included")
REFUSED: Final = gauge(
    "kull_outbox_refused", "Events that RabbitMQ refuses for good, kept for people to look at"
)


class OutboxWatch:
    """What the last look has shown; nothing before the first.

    Args:
        look: returns what the outbox holds. Raises OutboxError.
        interval: seconds between two looks.
    """

    def __init__(
        self, look: Callable[[], Awaitable[OutboxStatus]], *, interval: float = INTERVAL
    ) -> None:
        self._look = look
        self._interval = interval
        self._seen: OutboxStatus | None = None
        self._pending = Gauge(PENDING, lambda: self._seen.pending if self._seen else None)
        self._oldest = Gauge(OLDEST, lambda: self._seen.oldest_seconds if self._seen else None)
        self._size = Gauge(SIZE, lambda: self._seen.size if self._seen else None)
        self._refused = Gauge(REFUSED, lambda: self._seen.refused if self._seen else None)
        self.measures: list[Measure] = measures_of(self)

    async def run(self) -> NoReturn:
        """Look for ever."""
        cancellation = Cancellation()
        while True:
            try:
                self._seen = await self._look()
            except OutboxError as error:
                self._seen = None
                log.debug("the outbox cannot be looked at: %s", error)
            cancellation.check()
            await asyncio.sleep(self._interval)
