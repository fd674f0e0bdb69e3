"""Holds publishes back while RabbitMQ is away."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from kull_producers.errors import ConnectError
from kull_producers.publishing.retry import backoff

log = logging.getLogger(__name__)


class CircuitBreaker:
    """Opens when the connection fails, and closes for the next attempt after a back-off.

    All publishes of a publisher share one, so that an outage costs one attempt at a time.

    Args:
        random: returns a float from 0 to 1.
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._attempt = 0
        self._problem: ConnectError | None = None
        self._closed = asyncio.Event()
        self._closed.set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_closed(self) -> bool:
        """Whether an attempt may be made now."""
        return self._closed.is_set()

    @property
    def problem(self) -> ConnectError | None:
        """Why the last attempt failed, None if it did not."""
        return self._problem

    async def wait(self) -> None:
        """Wait until an attempt may be made."""
        await self._closed.wait()

    def failed(self, error: ConnectError) -> None:
        """Open for a while, longer after each failure."""
        if not self.is_closed:
            return  # the attempt that opened it has been counted
        if self._problem is None:
            log.warning("RabbitMQ is away, trying again: %s", error)
        self._problem = error
        self._attempt += 1
        self._closed.clear()
        delay = backoff(self._attempt, self._random)
        self._timer = asyncio.get_running_loop().call_later(delay, self._closed.set)

    def succeeded(self) -> None:
        """Forget earlier failures."""
        if self._problem is not None:
            log.warning("RabbitMQ is back after %d attempts", self._attempt)
        self._problem = None
        self._attempt = 0

    def stop(self) -> None:
        """Stop the timer and let everybody through. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
        self._closed.set()
