"""Publishes events and returns once RabbitMQ has confirmed them.

Guarantees:
- A call that returns has been confirmed: the event survives a restart of RabbitMQ.
- A call that raises may still have stored the event. Repeating it with the same
  `idempotency_key`, under the same `app_id`, is harmless: devices get it once.
- Events of one address arrive in the order of the calls, also across a lost connection: what was
  not confirmed is sent again first, in order. One exception: when RabbitMQ refuses a single event
  while later ones of its address are on their way already, those are stored before its retry.
- With `bursts`, a call without `idempotency_key` for what only counts as the newest may return when
  a newer one of its key, of this publisher, has been confirmed in its place.
- A call that is repeated with its `idempotency_key` keeps its place: what the publisher has said
  later of the same shoot or prompt stays the newest.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Final, Self

from kull_producers.contract.shard import DEFAULT_SHARD_COUNT
from kull_producers.errors import KullError, Partly, PublisherClosed
from kull_producers.events import topology
from kull_producers.events.envelope import messages_of
from kull_producers.events.event import Event
from kull_producers.events.message import Message
from kull_producers.events.stamp import Stamp, Stamper
from kull_producers.publishing.bursts import Bursts
from kull_producers.publishing.confirmed_publish import ConfirmedPublish
from kull_producers.publishing.event_methods import EventMethods
from kull_producers.publishing.failed_calls import FailedCalls
from kull_producers.publishing.stats import PublisherStats
from kull_producers.publishing.tracing import NO_TRACER, Tracer
from kull_producers.publishing.transport import Transport

DEFAULT_IN_FLIGHT: Final = 256  # messages
DEFAULT_TIMEOUT: Final = 10.0  # seconds
DEFAULT_APP_ID: Final = "kull-producers"
_SPAN: Final = ("kull.publish", "producer")
_PUBLISH: Final = {"messaging.system": "kull", "messaging.operation.type": "send"}


class Publisher(EventMethods):
    """Publishes events through a transport, which it owns and closes.

    Use it as `async with Publisher(transport) as publisher`, from one event loop and any number of
    tasks at once. Many calls may be under way concurrently; each returns the event's id. Each event
    type of Kull has a method of its own; `publish` takes events of any type.

    Args:
        transport: the connection to RabbitMQ.
        shard_count: the deployment's; checked when the publisher opens.
        app_id: the service that publishes: idempotency keys are unique within it.
        in_flight: how many events may be unconfirmed at once; further calls wait.
        timeout: seconds until a call that is not confirmed raises.
        bursts: several events may share a message, and what is not sent yet may give way to a newer
            one of its key: see `bursts`.
        now: seconds since the Unix epoch.
        randomness: returns that many random bytes, for ids.
        jitter: returns a float from 0 to 1, for back-off.
        tracer: records the steps from calls to their confirms, e.g. `kull_producers.otel`'s.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        shard_count: int = DEFAULT_SHARD_COUNT,
        app_id: str = DEFAULT_APP_ID,
        in_flight: int = DEFAULT_IN_FLIGHT,
        timeout: float = DEFAULT_TIMEOUT,
        bursts: bool = False,
        now: Callable[[], float] = time.time,
        randomness: Callable[[int], bytes] = os.urandom,
        jitter: Callable[[], float] = random.random,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        self._transport = Bursts(transport) if bursts else transport
        self._bursts = bursts
        self._shard_count = shard_count
        self._stamper = Stamper(now=now, randomness=randomness, app_id=app_id, process=os.getpid)
        self._tracer = tracer
        self._failed = FailedCalls()
        self._stats = PublisherStats()
        self._confirmed = ConfirmedPublish(
            self._transport,
            in_flight=in_flight,
            timeout=timeout,
            jitter=jitter,
            stats=self._stats,
        )
        self._open = False
        self._calls = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def publish(
        self,
        event: Event,
        *,
        user_id: str | None = None,
        room: str | None = None,
        everybody: bool = False,
        rooms: Sequence[str] = (),
        idempotency_key: str | None = None,
        app_id: str | None = None,
        traceparent: str = "",
    ) -> str:
        """Publish an event and return its id once RabbitMQ has confirmed it.

        Args:
            event: what happened, of any type that is declared (docs/events.md).
            user_id: whom it is for, if its fields do not say so.
            room: instead of a user or everybody, tell those who follow this room.
            everybody: instead of a user, tell all, if the event's type may be for everybody.
            rooms: tell those who follow these rooms, and the users who are named, if any.
            idempotency_key: the event's id, 1 to 128 characters; a new one unless given. Only a
                repeat of the same type by the same service is a duplicate.
            app_id: the service that publishes, for whoever does it for others.
            traceparent: W3C trace context that travels along, the parent of what a tracer records;
                empty: the tracer takes that of the calling task.

        Raises:
            InvalidEvent: a field, or its type's declaration, is wrong; nothing was published.
            Overloaded: too many events are unconfirmed; nothing was published.
            NotRoutable: the topology is missing.
            ConnectError: RabbitMQ could not be reached in time, or refuses the account.
            PublishTimeout, PublishError: RabbitMQ has not confirmed it in time.
            PublisherClosed: the publisher is not open.
            Of several users and rooms all are tried; `partly` of the error says who was told
            nevertheless, and the id with which the call can be repeated.
        """
        if not self._open:
            raise PublisherClosed("the publisher is not open: use it inside `async with`")
        of_event = partial(messages_of, event, shard_count=self._shard_count)
        build = partial(of_event, user_id=user_id, room=room, everybody=everybody, rooms=rooms)
        span = self._tracer.start(*_SPAN, parent=traceparent, attributes=_PUBLISH)
        if span is None:
            return await self._publish(build, idempotency_key, app_id, traceparent)
        try:
            event_id = await self._publish(build, idempotency_key, app_id, span.traceparent)
        except BaseException as error:
            span.end(str(error) or type(error).__name__)
            raise
        span.end()
        return event_id

    async def _publish(
        self,
        build: Callable[[Stamp], list[Message]],
        idempotency_key: str | None,
        app_id: str | None,
        traceparent: str,
    ) -> str:
        stamp = self._stamper.stamp(idempotency_key, app_id=app_id, traceparent=traceparent)
        messages = self._marked(build(stamp), named=idempotency_key is not None)
        if before := self._failed.take(messages):
            stamp = replace(before, traceparent=traceparent)
            messages = build(stamp)
        with self._under_way():
            try:
                await self._deliver(messages)
            except BaseException as error:
                if idempotency_key is not None or (isinstance(error, KullError) and error.partly):
                    self._failed.add(messages, stamp)
                raise
        return stamp.id

    @property
    def stats(self) -> PublisherStats:
        """What this publisher has counted; from any thread, and at any time."""
        return self._stats

    async def check(self) -> None:
        """Return if RabbitMQ can be reached right now and the shard count is right.

        For readiness probes: one attempt, bound it yourself. Raises like `async with`.
        """
        if not self._open:
            raise PublisherClosed("the publisher is not open: use it inside `async with`")
        await self._transport.check_shard_count(self._shard_count)

    async def __aenter__(self) -> Self:
        """Connect and check the shard count; tries for `timeout` seconds.

        Raises:
            ShardCountMismatch: the deployment has another count, or no router has started yet.
            ConnectError: RabbitMQ could not be reached, or refuses the account.
        """
        try:
            await self._confirmed.check_shard_count(self._shard_count)
        except BaseException:
            await self._close()
            raise
        self._open = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Refuse new events, wait for those under way (each at most `timeout`), disconnect."""
        self._open = False
        try:
            await self._idle.wait()
        finally:
            await self._close()

    def _marked(self, messages: list[Message], *, named: bool) -> list[Message]:
        """Return the messages, marked as replaceable unless the application may repeat them.

        Of several users it may: `partly` tells it how.
        """
        if named or not self._bursts or len(messages) > 1:
            return messages
        return [replace(each, replaceable=True) for each in messages]

    @contextmanager
    def _under_way(self) -> Iterator[None]:
        self._calls += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._calls -= 1
            if not self._calls:
                self._idle.set()

    async def _close(self) -> None:
        self._confirmed.close()
        await self._transport.aclose()

    async def _deliver(self, messages: Sequence[Message]) -> None:
        if len(messages) == 1:
            await self._confirmed.publish(messages[0])
            return
        tasks = [
            asyncio.create_task(self._confirmed.publish(one), name=f"publish-{one.routing_key}")
            for one in messages
        ]
        # All are tried even if one fails: the other users shall be told.
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        if error := next((each for each in outcomes if isinstance(each, BaseException)), None):
            raise _telling(error, messages, outcomes)


def _telling(
    error: BaseException, messages: Sequence[Message], outcomes: Sequence[object]
) -> BaseException:
    """Return the error with who was told nevertheless."""
    told: dict[bool, list[str]] = {True: [], False: []}
    for message, outcome in zip(messages, outcomes, strict=True):
        told[outcome is None].append(str(message.headers[topology.HEADER_ADDRESS]))
    if not told[True] or not isinstance(error, KullError):
        return error
    error = copy(error)  # other calls may have got the same one
    error.partly = Partly(
        id=messages[0].message_id, confirmed=tuple(told[True]), missing=tuple(told[False])
    )
    return error
