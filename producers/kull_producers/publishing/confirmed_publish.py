"""Sends messages until RabbitMQ has confirmed them: bounded, in order, with retries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from kull_producers.errors import (
    AccessRefused,
    ConnectError,
    KullError,
    NotRoutable,
    Overloaded,
    PublishError,
    PublishTimeout,
)
from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_producers.publishing.cancellation import Cancellation
from kull_producers.publishing.circuit_breaker import CircuitBreaker
from kull_producers.publishing.order import Place, PublishOrder
from kull_producers.publishing.retry import backoff
from kull_producers.publishing.stats import PublisherStats
from kull_producers.publishing.transport import BLOCKED, Transport


class ConfirmedPublish:
    """Publishes messages over one transport, any number concurrently.

    Messages of one address are sent in the order of the calls; after a failure, what was not
    confirmed goes first.

    Args:
        transport: the connection; owned by the caller.
        in_flight: how many messages may be unconfirmed at once; further calls wait.
        timeout: seconds until a call gives up.
        jitter: returns a float from 0 to 1, for back-off.
        stats: where it counts.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        in_flight: int,
        timeout: float,
        jitter: Callable[[], float],
        stats: PublisherStats,
    ) -> None:
        self._stats = stats
        self._transport = transport
        self._in_flight = in_flight
        self._timeout = timeout
        self._jitter = jitter
        self._slots = asyncio.Semaphore(in_flight)
        self._order = PublishOrder()
        self._breaker = CircuitBreaker(jitter)

    async def check_shard_count(self, shard_count: int) -> None:
        """Connect and check, trying for `timeout` seconds. Raises like the transport."""
        problem: ConnectError | None = None
        cancellation = Cancellation()
        try:
            async with asyncio.timeout(self._timeout):
                while True:
                    await self._breaker.wait()
                    try:
                        await self._transport.check_shard_count(shard_count)
                    except AccessRefused:
                        raise
                    except ConnectError as error:
                        problem = error
                        self._breaker.failed(error)
                        cancellation.check()
                    else:
                        self._breaker.succeeded()
                        return
        except TimeoutError as error:
            raise problem or ConnectError(
                f"RabbitMQ did not answer within {self._timeout:g} s"
            ) from error

    async def publish(self, message: Message) -> None:
        """Return once the message is confirmed. Raises like `Publisher.publish`."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        deadline = began + self._timeout
        try:
            async with self._slot(deadline):
                place = self._order.enter(str(message.headers[topology.HEADER_ADDRESS]))
                try:
                    await self._until_confirmed(message, place, deadline)
                finally:
                    self._order.release(place)
        except KullError as error:
            self._stats.gave_up(error)
            raise
        self._stats.confirmed.observe(loop.time() - began)

    def close(self) -> None:
        """Stop the timers. Idempotent."""
        self._breaker.stop()

    @asynccontextmanager
    async def _slot(self, deadline: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout_at(deadline):
                await self._slots.acquire()
        except TimeoutError as error:
            raise self._overloaded() from error
        if asyncio.get_running_loop().time() >= deadline:
            # It became free by the time-out of another call, together with this one's.
            self._slots.release()
            raise self._overloaded()
        self._stats.flying += 1
        try:
            yield
        finally:
            self._stats.flying -= 1
            self._slots.release()

    def _overloaded(self) -> Overloaded:
        return Overloaded(
            f"{self._in_flight} events are unconfirmed already, and none was confirmed "
            f"within {self._timeout:g} s: publish less at once, or look at RabbitMQ"
        )

    async def _until_confirmed(self, message: Message, place: Place, deadline: float) -> None:
        problem: KullError | None = None
        attempt = 0
        cancellation = Cancellation()
        try:
            async with asyncio.timeout_at(deadline):
                while True:
                    await self._turn(place)
                    problem = await self._attempt(message)
                    if problem is None:
                        return
                    cancellation.check()
                    attempt += 1
                    self._stats.retries.value += 1
                    self._order.failed(place)
                    if not isinstance(problem, ConnectError):  # for those the breaker opens
                        await asyncio.sleep(backoff(attempt, self._jitter))
        except TimeoutError as error:
            raise await self._given_up(place, problem) from error

    async def _given_up(self, place: Place, problem: KullError | None) -> KullError:
        if place.sent:
            why = f" ({BLOCKED})" if await self._transport.blocked() else ""
            return PublishTimeout(
                f"not confirmed within {self._timeout:g} s{why}; the event may have been stored, "
                "publish it again with the same idempotency_key"
            )
        return (
            problem
            or self._breaker.problem
            or Overloaded(
                f"earlier events of {place.address!r} were not confirmed within "
                f"{self._timeout:g} s, so this one was not published"
            )
        )

    async def _turn(self, place: Place) -> None:
        # Either can change while the other is waited for, so both are looked at together.
        while not (place.may_go.is_set() and self._breaker.is_closed):
            await place.may_go.wait()
            await self._breaker.wait()
        self._order.sent(place)

    async def _attempt(self, message: Message) -> KullError | None:
        """Publish once; return what went wrong if another attempt can help."""
        try:
            await self._transport.publish(message)
        except (NotRoutable, AccessRefused):
            raise
        except ConnectError as error:
            self._breaker.failed(error)
            return error
        except PublishError as error:
            return error
        self._breaker.succeeded()
        return None
