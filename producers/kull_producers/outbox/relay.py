"""Publishes what an outbox holds, for ever: in order per address, through outages and refusals.

One event per address is on its way at a time, those of different addresses together. An outage
stops everything, and the reading starts again at the oldest row: the rows are on disk, so nothing
but the connection has to be remembered. An event that RabbitMQ refuses holds up its own address
only, and at last is set aside as refused.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Final, Protocol

from kull_producers.errors import (
    ConnectError,
    InvalidEvent,
    KullError,
    NoAnswer,
    NotDeployed,
    NotRoutable,
    OutboxError,
    PublishError,
    PublishTimeout,
    ShardCountMismatch,
)
from kull_producers.outbox.row import OutboxRow, message_of
from kull_producers.publishing.cancellation import Cancellation
from kull_producers.publishing.retry import backoff
from kull_producers.publishing.stats import PublisherStats
from kull_producers.publishing.transport import BLOCKED, Transport

log = logging.getLogger(__name__)

PAGE: Final = 512  # rows per read
LOW: Final = 256  # rows in memory below which more are read
TRIES: Final = 8  # until an event that RabbitMQ refuses is set aside
SUSPECT: Final = 3  # lost connections until an event is sent alone, to see whether it is the cause
CHECK_TIMEOUT: Final = 30.0  # seconds
CONFIRM_TIMEOUT: Final = 30.0  # seconds; then it is sent again


class Backlog(Protocol):
    """Rows on disk that wait to be published. Every method may raise OutboxError."""

    async def read(self, *, limit: int, skip: Collection[str]) -> list[OutboxRow]:
        """Return the oldest rows that wait, in order, without those of the addresses in `skip`."""
        ...

    async def sent(self, ids: Sequence[int]) -> None:
        """Note durably that these have been confirmed. May be repeated."""
        ...

    async def refuse(self, row: OutboxRow, reason: str) -> None:
        """Set a row aside durably, with the reason."""
        ...


class Relay:
    """Carries rows from a backlog to RabbitMQ.

    Args:
        backlog: must have this relay only.
        transport: owned by the caller.
        shard_count: the deployment's.
        in_flight: how many messages may be unconfirmed at once.
        jitter: returns a float from 0 to 1, for back-off.
        stats: where it counts.
    """

    def __init__(
        self,
        backlog: Backlog,
        transport: Transport,
        *,
        shard_count: int,
        in_flight: int,
        jitter: Callable[[], float],
        stats: PublisherStats | None = None,
    ) -> None:
        self._stats = stats or PublisherStats()
        self._backlog = backlog
        self._transport = transport
        self._shard_count = shard_count
        self._in_flight = in_flight
        self._jitter = jitter
        self._slots = asyncio.Semaphore(in_flight)
        self._alone = asyncio.Lock()
        self._settling = asyncio.Lock()  # a row must not be read while it is noted as sent
        self._wake = asyncio.Event()
        self._lines: dict[str, deque[OutboxRow]] = {}
        self._known: set[int] = set()  # rows in memory, or confirmed and not yet noted
        self._aside: set[str] = set()  # addresses whose oldest event was refused
        self._sending: set[int] = set()
        self._unconfirmed: set[str] = set()  # addresses whose oldest event gets no confirm
        self._breaks: dict[int, int] = {}  # how often a row was under way when a connection broke
        self._confirmed: list[int] = []
        self._some_confirmed = asyncio.Event()
        self._more = False  # whether the backlog may hold more than what was read
        self._attempt = 0
        self._problem: KullError | None = None

    async def problem(self) -> str:
        """Return why nothing is published right now, in words; empty if all is well."""
        if self._problem is not None:
            return str(self._problem)
        if await self._transport.blocked():
            return BLOCKED
        if self._unconfirmed:
            return f"RabbitMQ confirms no events of {len(self._unconfirmed)} address(es)"
        return ""

    def notify(self) -> None:
        """Say that the backlog has new rows."""
        self._wake.set()

    async def run(self) -> None:
        """Publish until cancelled.

        Raises:
            ShardCountMismatch: the deployment has another shard count; all rows are kept.
        """
        notes = asyncio.create_task(self._note_confirmed(), name="kull-outbox-notes")
        cancellation = Cancellation()
        try:
            while True:
                await self._publish_until_broken()
                cancellation.check()
                self._attempt += 1
                await asyncio.sleep(backoff(self._attempt, self._jitter))
        finally:
            notes.cancel()
            await asyncio.wait({notes})

    async def _publish_until_broken(self) -> None:
        try:
            await self._check()
            self._well()
            await self._session()
        except NotDeployed as error:
            self._away(error)
        except ShardCountMismatch as error:
            self._problem = error
            log.error("the outbox has stopped and keeps its events: %s", error)
            raise
        except KullError as error:
            self._away(error)
        except Exception:
            log.exception("the outbox's relay has a defect; it starts again")

    async def _check(self) -> None:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT):
                await self._transport.check_shard_count(self._shard_count)
        except TimeoutError as error:
            blocked = await self._transport.blocked()
            raise ConnectError(
                BLOCKED if blocked else f"RabbitMQ did not answer within {CHECK_TIMEOUT:g} s"
            ) from error

    def _away(self, error: KullError) -> None:
        if str(error) != str(self._problem or ""):
            log.warning("the outbox keeps events and tries again: %s", error)
        self._problem = error

    def _well(self) -> None:
        if self._problem is not None:
            log.warning("the outbox publishes again, after %d attempts", self._attempt)
        self._problem = None

    async def _session(self) -> None:
        """Publish until something breaks, and raise what it was."""
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    self._wake.clear()
                    if len(self._known) <= LOW:
                        await self._read(tasks)
                    else:
                        self._more = True  # what woke this is read when there is room
                    await self._wake.wait()
        except ExceptionGroup as group:
            first = group.exceptions[0]
            # Silence is nobody's fault; it may well come again and again.
            if isinstance(first, ConnectError) and not isinstance(first, NoAnswer):
                for row_id in self._sending:
                    self._breaks[row_id] = self._breaks.get(row_id, 0) + 1
            raise first from None
        finally:
            self._lines.clear()
            self._aside.clear()
            self._sending.clear()
            self._unconfirmed.clear()
            self._known = set(self._confirmed)

    async def _read(self, tasks: asyncio.TaskGroup) -> None:
        async with self._settling:
            page = await self._backlog.read(limit=PAGE, skip=self._aside)
            self._more = len(page) == PAGE
            for row in page:
                if row.id in self._known or row.address in self._aside:
                    continue
                self._known.add(row.id)
                if row.address in self._lines:
                    self._lines[row.address].append(row)
                else:
                    self._lines[row.address] = deque([row])
                    line = self._empty_line(row.address)
                    tasks.create_task(line, name=f"kull-outbox-{row.address}")

    async def _empty_line(self, address: str) -> None:
        line = self._lines[address]
        cancellation = Cancellation()
        while line:
            try:
                await self._settle(line[0])
            except asyncio.CancelledError:
                if cancellation.asked:
                    raise
                # A task group takes a cancelled task for one that is done: the line would vanish.
                raise ConnectError("publishing was given up without an answer") from None
            line.popleft()
            cancellation.check()
        del self._lines[address]
        if address in self._aside:
            self._aside.discard(address)
            self._wake.set()

    async def _settle(self, row: OutboxRow) -> None:
        """Try until the event is confirmed or set aside."""
        refusals = attempt = 0
        cancellation = Cancellation()
        while True:
            problem = await self._attempt_one(row)
            if problem is None:
                self._note(row)
                return
            cancellation.check()
            self._stats.retries.value += 1
            attempt += 1
            refusals += isinstance(problem, NotRoutable)
            permanent = isinstance(problem, InvalidEvent)
            if permanent or refusals >= TRIES or self._breaks.get(row.id, 0) >= TRIES:
                await self._refuse(row, str(problem))
                return
            self._put_aside(row)
            await asyncio.sleep(backoff(attempt, self._jitter))

    async def _attempt_one(self, row: OutboxRow) -> KullError | None:
        """Publish once; return what RabbitMQ has against this event, raise if all are concerned."""
        breaks = self._breaks.get(row.id, 0)
        if breaks >= TRIES:
            return PublishError(f"publishing it has broken the connection {breaks} times")
        try:
            message = message_of(row, self._shard_count)
        except InvalidEvent as error:
            return error
        async with self._room(alone=breaks >= SUSPECT):
            self._sending.add(row.id)
            began = asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout(CONFIRM_TIMEOUT):
                    await self._transport.publish(message)
            except NotRoutable as error:
                await self._check()  # without the topology, waiting is right
                problem: KullError = error
            except TimeoutError:
                problem = PublishTimeout(f"not confirmed within {CONFIRM_TIMEOUT:g} s")
                self._unconfirmed.add(row.address)
            except PublishError as error:
                problem = error
            else:
                self._sending.discard(row.id)
                self._unconfirmed.discard(row.address)
                self._stats.confirmed.observe(asyncio.get_running_loop().time() - began)
                return None
            self._sending.discard(row.id)  # not after an error that ends the session
            if not await self._transport.blocked():  # then it is not about this event
                log.warning("event %s for %s: %s", message.message_id, row.address, problem)
            return problem

    @asynccontextmanager
    async def _room(self, *, alone: bool) -> AsyncIterator[None]:
        """Wait for a place among those in flight; with `alone` for all the places."""
        places = self._in_flight if alone else 1
        taken = 0
        try:
            if alone:
                async with self._alone:
                    while taken < places:
                        await self._slots.acquire()
                        taken += 1
            else:
                await self._slots.acquire()
                taken = 1
            self._stats.flying += 1
            try:
                yield
            finally:
                self._stats.flying -= 1
        finally:
            for _ in range(taken):
                self._slots.release()

    def _put_aside(self, row: OutboxRow) -> None:
        """Forget the address's later events until this one is settled: others need the memory."""
        line = self._lines[row.address]
        while len(line) > 1:
            self._known.discard(line.pop().id)
        self._aside.add(row.address)
        self._wake.set()

    async def _refuse(self, row: OutboxRow, reason: str) -> None:
        async with self._settling:
            await self._backlog.refuse(row, reason)
            self._known.discard(row.id)
        self._wake.set()
        self._breaks.pop(row.id, None)
        self._unconfirmed.discard(row.address)
        log.error("event for %s was set aside as refused: %s", row.address, reason)

    def _note(self, row: OutboxRow) -> None:
        self._attempt = 0
        self._breaks.pop(row.id, None)
        self._confirmed.append(row.id)
        self._some_confirmed.set()

    async def _note_confirmed(self) -> None:
        """Note what was confirmed, many rows at once."""
        attempt = 0
        cancellation = Cancellation()
        while True:
            await self._some_confirmed.wait()
            try:
                async with self._settling:
                    noted = list(self._confirmed)
                    self._some_confirmed.clear()
                    await self._backlog.sent(noted)
                    del self._confirmed[: len(noted)]
                    self._known.difference_update(noted)
            except OutboxError as error:
                log.error("confirmed events cannot be taken out of the outbox: %s", error)
                self._some_confirmed.set()
                cancellation.check()
                attempt += 1
                await asyncio.sleep(backoff(attempt, self._jitter))
                continue
            attempt = 0
            if self._more and len(self._known) <= LOW:
                self._wake.set()
