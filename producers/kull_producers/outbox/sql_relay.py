"""Publishes what services have committed to `kull_outbox`: one active relay, others stand by."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Final, Protocol

from kull_producers.contract.shard import DEFAULT_SHARD_COUNT
from kull_producers.errors import OutboxError
from kull_producers.outbox.file_store import OutboxStatus
from kull_producers.outbox.relay import Relay
from kull_producers.outbox.row import OutboxRow
from kull_producers.outbox.watch import OutboxWatch
from kull_producers.publishing.bursts import Bursts
from kull_producers.publishing.cancellation import Cancellation
from kull_producers.publishing.publisher import DEFAULT_IN_FLIGHT
from kull_producers.publishing.stats import PublisherStats
from kull_producers.publishing.transport import Transport

log = logging.getLogger(__name__)

DEFAULT_POLL: Final = 0.2  # seconds between two looks at an idle table
DEFAULT_KEEP: Final = 3600.0  # seconds that sent rows stay, for people
CLEAN_INTERVAL: Final = 60.0  # seconds
WATCH_INTERVAL: Final = 30.0  # seconds between two counts of what waits, for metrics
CLEAN_ROWS: Final = 5_000  # per statement: the service's own transactions go on


class SqlBacklog(Protocol):
    """The table, and the lock that makes this relay the only one.

    Implemented by `postgres.PostgresOutbox` and `sqlite.SqliteOutbox`. The first
    call takes the lock. Every method may raise OutboxError, and OutboxLocked while another relay
    has the lock.
    """

    async def read(self, *, limit: int, skip: Collection[str]) -> list[OutboxRow]:
        """See `Backlog.read`. Rows that were committed late are found whatever their ids are."""
        ...

    async def sent(self, ids: Sequence[int], sent_ms: int) -> None:
        """Note that these have been confirmed, at `sent_ms` milliseconds since the Unix epoch."""
        ...

    async def refuse(self, row: OutboxRow, reason: str) -> None:
        """See `Backlog.refuse`."""
        ...

    async def retry_refused(self) -> int:
        """Let all refused rows wait again; return how many."""
        ...

    async def delete_sent(self, before_ms: int, limit: int) -> int:
        """Delete at most `limit` rows that were sent before; return how many."""
        ...

    async def count(self) -> tuple[int, int, int | None]:
        """Return how many wait, how many are refused, and when the oldest was accepted (ms)."""
        ...

    async def aclose(self) -> None:
        """Let go of the lock and disconnect. Idempotent."""
        ...


class SqlRelay:
    """Run it as `await SqlRelay(…).run()`, in the service or as a process of its own, or several.

    At least once, in the order of the row ids per address. While another relay is active it stands
    by, and takes over when that one's lock ends.

    Args:
        backlog: the table; owned, closed when `run` ends.
        transport: the connection to RabbitMQ; owned.
        shard_count: the deployment's.
        in_flight: how many events may be unconfirmed at once.
        bursts: several events may share a message: see `publishing.bursts`.
        poll: seconds between two looks at an idle table.
        keep: seconds that sent rows stay.
        now: seconds since the Unix epoch.
        jitter: returns a float from 0 to 1, for back-off.
    """

    def __init__(
        self,
        backlog: SqlBacklog,
        transport: Transport,
        *,
        shard_count: int = DEFAULT_SHARD_COUNT,
        in_flight: int = DEFAULT_IN_FLIGHT,
        bursts: bool = False,
        poll: float = DEFAULT_POLL,
        keep: float = DEFAULT_KEEP,
        now: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._backlog = backlog
        self._transport = Bursts(transport) if bursts else transport
        self._poll = poll
        self._keep = keep
        self._now = now
        self._watch = OutboxWatch(self._held, interval=WATCH_INTERVAL)
        self._stats = PublisherStats()
        self._stats.measures.extend(self._watch.measures)
        self._relay = Relay(
            _Clocked(backlog, now),
            self._transport,
            shard_count=shard_count,
            in_flight=in_flight,
            jitter=jitter,
            stats=self._stats,
        )

    @property
    def stats(self) -> PublisherStats:
        """What this relay has counted; from any thread, and at any time."""
        return self._stats

    def notify(self) -> None:
        """Say that rows were committed, if you know; otherwise polling finds them."""
        self._relay.notify()

    async def run(self) -> None:
        """Publish until cancelled. Outages of RabbitMQ and of the database are waited out.

        Raises:
            ShardCountMismatch: the deployment has another shard count; all rows are kept.
        """
        beside = [
            asyncio.create_task(self._look(), name="kull-outbox-poll"),
            asyncio.create_task(self._clean(), name="kull-outbox-clean"),
            asyncio.create_task(self._watch.run(), name="kull-outbox-watch"),
        ]
        try:
            await self._relay.run()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)
            await self._transport.aclose()
            await self._backlog.aclose()

    async def status(self) -> OutboxStatus:
        """Return what the table holds; `size` is not counted. Raises OutboxError."""
        return replace(await self._held(), problem=await self._relay.problem())

    async def _held(self) -> OutboxStatus:
        waiting, refused, oldest_ms = await self._backlog.count()
        return OutboxStatus(
            pending=waiting,
            size=0,
            oldest_seconds=0.0 if oldest_ms is None else self._now() - oldest_ms / 1000,
            refused=refused,
        )

    async def retry_refused(self) -> int:
        """Queue the events again that RabbitMQ has refused for good; return how many."""
        count = await self._backlog.retry_refused()
        self._relay.notify()
        return count

    async def _look(self) -> None:
        while True:
            self._relay.notify()
            await asyncio.sleep(self._poll)

    async def _clean(self) -> None:
        cancellation = Cancellation()
        while True:
            await asyncio.sleep(min(CLEAN_INTERVAL, self._keep))
            before_ms = int((self._now() - self._keep) * 1000)
            try:
                while await self._backlog.delete_sent(before_ms, CLEAN_ROWS) == CLEAN_ROWS:
                    cancellation.check()
            except OutboxError as error:
                log.debug("sent rows are deleted later: %s", error)
                cancellation.check()


class _Clocked:
    """Implements `Backlog` with the time that a table notes."""

    def __init__(self, backlog: SqlBacklog, now: Callable[[], float]) -> None:
        self._backlog = backlog
        self._now = now

    async def read(self, *, limit: int, skip: Collection[str]) -> list[OutboxRow]:
        return await self._backlog.read(limit=limit, skip=skip)

    async def sent(self, ids: Sequence[int]) -> None:
        await self._backlog.sent(ids, int(self._now() * 1000))

    async def refuse(self, row: OutboxRow, reason: str) -> None:
        await self._backlog.refuse(row, reason)
