"""Publishers that must not lose an event: accepted means on disk.

Guarantees:
- A call that returns has its event in a SQLite file (synced), whether RabbitMQ is there or not. It
  is published, once or more often under the same id, by this process or the next one on that file.
- A call that raises has accepted nothing; one that was cancelled may have.
- Events of one address are published in the order of the calls, also across restarts.
- Events keep the id, the time and the place of the call, also across restarts.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from kull_producers.contract.shard import DEFAULT_SHARD_COUNT
from kull_producers.errors import KullError, PublisherClosed, PublishTimeout
from kull_producers.events.message import Message
from kull_producers.outbox.file_store import (
    DEFAULT_MAX_BYTES,
    DEFAULT_MAX_ROWS,
    OutboxStatus,
    OutboxStore,
)
from kull_producers.outbox.relay import Relay
from kull_producers.outbox.watch import OutboxWatch
from kull_producers.publishing.publisher import DEFAULT_APP_ID, DEFAULT_IN_FLIGHT, Publisher
from kull_producers.publishing.sync import SyncPublisher
from kull_producers.publishing.transport import Transport

log = logging.getLogger(__name__)

DEFAULT_CLOSE_TIMEOUT: Final = 5.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbox:
    """Where events wait for RabbitMQ.

    Attributes:
        path: a file of this process alone, on a local disk that outlives the process.
        max_rows: events it holds at most; more are refused with OutboxFull.
        max_bytes: bytes it holds at most.
        close_timeout: seconds that closing waits for what is pending; the rest stays in the file.

    Raises:
        ValueError: a limit is below 1.
    """

    path: Path
    max_rows: int = DEFAULT_MAX_ROWS
    max_bytes: int = DEFAULT_MAX_BYTES
    close_timeout: float = DEFAULT_CLOSE_TIMEOUT

    def __post_init__(self) -> None:
        for name in ("max_rows", "max_bytes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: at least 1, got {getattr(self, name)}")


class OutboxPublisher(Publisher):
    """A `Publisher` whose calls return once the event is on disk; a relay publishes it.

    Opening does not need RabbitMQ. When the deployment turns out to have another shard count, the
    relay stops, everything stays in the file, and every further call raises ShardCountMismatch.

    Instead of the errors of `Publisher.publish` that speak of RabbitMQ, calls raise:
        OutboxFull: too many events wait, or the disk is full; nothing was accepted.
        OutboxError: the file cannot be written; nothing was accepted.

    Args:
        transport: the connection to RabbitMQ; owned.
        outbox: the file and its limits.
        shard_count: the deployment's.
        app_id: the service that publishes: idempotency keys are unique within it.
        in_flight: how many messages may be unconfirmed at once.
        bursts: several events may share a message; every one that was accepted is sent.
        now: seconds since the Unix epoch.
        randomness: returns that many random bytes, for ids.
        jitter: returns a float from 0 to 1, for back-off.
    """

    def __init__(
        self,
        transport: Transport,
        outbox: Outbox,
        *,
        shard_count: int = DEFAULT_SHARD_COUNT,
        app_id: str = DEFAULT_APP_ID,
        in_flight: int = DEFAULT_IN_FLIGHT,
        bursts: bool = False,
        now: Callable[[], float] = time.time,
        randomness: Callable[[int], bytes] = os.urandom,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        super().__init__(
            transport,
            shard_count=shard_count,
            app_id=app_id,
            in_flight=in_flight,
            bursts=bursts,
            now=now,
            randomness=randomness,
            jitter=jitter,
        )
        self._outbox = outbox
        self._in_flight = in_flight
        self._now = now
        self._jitter = jitter
        self._store: OutboxStore | None = None
        self._relay: Relay | None = None
        self._relaying: asyncio.Task[None] | None = None
        self._watch = OutboxWatch(self._held)
        self._watching: asyncio.Task[None] | None = None
        self.stats.measures.extend(self._watch.measures)

    @property
    def pending(self) -> int:
        """How many events were accepted and are not yet confirmed by RabbitMQ."""
        return self._opened()[0].pending

    async def status(self) -> OutboxStatus:
        """Return what the outbox holds, how old it is, and what is wrong."""
        store, relay = self._opened()
        return replace(await store.status(), problem=await relay.problem())

    async def _held(self) -> OutboxStatus:
        return await self._opened()[0].status()

    async def flush(self, timeout: float) -> None:  # noqa: ASYNC109  # part of what it promises
        """Return once RabbitMQ has confirmed everything that was accepted before the call.

        What RabbitMQ refuses for good does not count.

        Raises:
            PublishTimeout: something is still pending after `timeout` seconds. It stays on disk.
            ShardCountMismatch: the relay has stopped.
        """
        store, relay = self._opened()
        assert self._relaying is not None
        drained = asyncio.create_task(store.drained(), name="kull-outbox-drained")
        try:
            await asyncio.wait(
                {drained, self._relaying},
                timeout=timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if drained.done():
                drained.result()
                return
            self._raise_if_stopped()
            problem = await relay.problem()
            why = f" ({problem})" if problem else ""
            raise PublishTimeout(
                f"{store.pending} events are still in the outbox after {timeout:g} s{why}; "
                "they stay there and are published later"
            )
        finally:
            drained.cancel()

    async def retry_refused(self) -> int:
        """Queue the events again that RabbitMQ has refused for good; return how many."""
        store, relay = self._opened()
        count = await store.retry_refused()
        relay.notify()
        return count

    async def __aenter__(self) -> Self:
        """Open the file and start to publish what it holds.

        Raises:
            OutboxLocked: another process uses the file.
            OutboxError: it cannot be opened, or is something else.
        """
        outbox = self._outbox
        self._store = await OutboxStore.open(
            outbox.path, max_rows=outbox.max_rows, max_bytes=outbox.max_bytes, now=self._now
        )
        if self._store.pending:
            log.warning("the outbox holds %d events of before", self._store.pending)
        self._relay = Relay(
            self._store,
            self._transport,
            shard_count=self._shard_count,
            in_flight=self._in_flight,
            jitter=self._jitter,
            stats=self.stats,
        )
        self._relay.notify()
        self._relaying = asyncio.create_task(self._relay.run(), name="kull-outbox-relay")
        self._watching = asyncio.create_task(self._watch.run(), name="kull-outbox-watch")
        self._open = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Refuse new events, publish for `close_timeout` what is pending, leave the rest."""
        self._open = False
        try:
            await self._idle.wait()
            await self._drain()
        finally:
            await self._stop()

    async def _drain(self) -> None:
        store, _ = self._opened()
        try:
            await self.flush(self._outbox.close_timeout)
        except KullError as error:
            log.warning(
                "%d events stay in the outbox %s until it is opened again: %s",
                store.pending,
                self._outbox.path,
                error,
            )

    async def _stop(self) -> None:
        store, _ = self._opened()
        running = [task for task in (self._watching, self._relaying) if task is not None]
        for task in running:
            task.cancel()
        # The relay may have ended before with an error, which has been told.
        await asyncio.gather(*running, return_exceptions=True)
        await self._close()
        await store.aclose()
        self._store = self._relay = self._relaying = self._watching = None

    async def _deliver(self, messages: Sequence[Message]) -> None:
        store, relay = self._opened()
        self._raise_if_stopped()
        await store.accept(messages)
        relay.notify()

    def _raise_if_stopped(self) -> None:
        if self._relaying is not None and self._relaying.done():
            self._relaying.result()

    def _opened(self) -> tuple[OutboxStore, Relay]:
        if self._store is None or self._relay is None:
            raise PublisherClosed("the publisher is not open: use it inside its `with` block")
        return self._store, self._relay


class SyncOutboxPublisher(SyncPublisher):
    """An `OutboxPublisher` for code without asyncio."""

    def __init__(self, publisher: OutboxPublisher) -> None:
        super().__init__(publisher)
        self._outbox_publisher = publisher

    @property
    def pending(self) -> int:
        """See `OutboxPublisher.pending`."""
        return self._outbox_publisher.pending

    def status(self) -> OutboxStatus:
        """See `OutboxPublisher.status`."""
        return self._call(self._outbox_publisher.status())

    def flush(self, timeout: float) -> None:
        """See `OutboxPublisher.flush`."""
        self._call(self._outbox_publisher.flush(timeout))

    def retry_refused(self) -> int:
        """See `OutboxPublisher.retry_refused`."""
        return self._call(self._outbox_publisher.retry_refused())
