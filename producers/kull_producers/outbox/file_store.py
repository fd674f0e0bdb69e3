"""The outbox on disk, for asyncio: what was accepted and is not yet confirmed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from kull_producers.errors import OutboxFull
from kull_producers.events.message import Message
from kull_producers.outbox import file
from kull_producers.outbox.file import Totals
from kull_producers.outbox.group_commit import OutboxWriter
from kull_producers.outbox.row import OutboxRow, values_of

DEFAULT_MAX_ROWS: Final = 1_000_000
DEFAULT_MAX_BYTES: Final = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxStatus:
    """What an outbox holds.

    Attributes:
        pending: events that were accepted and not yet confirmed.
        size: their bytes, and those of the refused.
        oldest_seconds: how long ago the oldest pending one was accepted, 0 if there is none.
        refused: events that RabbitMQ refuses; they stay in the file until `retry_refused`.
        problem: why nothing is published right now, empty if all is well.
    """

    pending: int
    size: int
    oldest_seconds: float
    refused: int
    problem: str = ""


class OutboxStore:
    """Implements `relay.Backlog`. Open it with `OutboxStore.open`.

    Guarantee: what `accept` has returned for survives a crash of the process and of the machine.
    """

    def __init__(
        self,
        writer: OutboxWriter,
        totals: Totals,
        *,
        max_rows: int,
        max_bytes: int,
        now: Callable[[], float],
    ) -> None:
        self._writer = writer
        self._pending = totals.pending
        self._refused = totals.refused
        self._size = totals.size
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self._now = now
        self._removals = 0
        self._removed = asyncio.Condition()

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        max_rows: int = DEFAULT_MAX_ROWS,
        max_bytes: int = DEFAULT_MAX_BYTES,
        now: Callable[[], float] = time.time,
    ) -> Self:
        """Open the file, creating it if there is none.

        Raises:
            OutboxLocked: another process uses it.
            OutboxError: it cannot be opened, or is something else.
        """
        db = await asyncio.to_thread(file.open_file, path)
        totals = await asyncio.to_thread(file.totals, db)
        writer = OutboxWriter(db, lambda error: file.explain(path, error))
        return cls(writer, totals, max_rows=max_rows, max_bytes=max_bytes, now=now)

    @property
    def pending(self) -> int:
        """How many events were accepted and are not yet confirmed."""
        return self._pending

    async def accept(self, messages: Sequence[Message]) -> None:
        """Return once the messages are on disk, all or none, in the order of the calls.

        Cancelling leaves it open whether they were accepted.

        Raises:
            OutboxFull: they have no room.
            OutboxError: the file cannot be written.
        """
        accepted_ms = int(self._now() * 1000)
        rows = [values_of(message, accepted_ms) for message in messages]
        size = sum(map(file.size_of, rows))
        self._check_room(len(rows), size)
        self._count(len(rows), size)
        writing = self._writer.submit(lambda db: file.append(db, rows))

        def written(done: asyncio.Future[None]) -> None:
            if done.cancelled() or done.exception() is not None:
                self._count(-len(rows), -size)

        writing.add_done_callback(written)
        await asyncio.shield(writing)  # a cancelled call may have been accepted, and counts then

    async def read(self, *, limit: int, skip: Collection[str]) -> list[OutboxRow]:
        """See `Backlog.read`."""
        skipped = list(skip)
        rows = await self._writer.submit(lambda db: file.read(db, limit, skipped))
        now_ms = int(self._now() * 1000)
        return [row.looked_at(now_ms) for row in rows]

    async def sent(self, ids: Sequence[int]) -> None:
        """See `Backlog.sent`."""
        count, size = await self._writer.submit(lambda db: file.delete(db, ids))
        self._count(-count, -size)
        await self._tell_removal()

    async def refuse(self, row: OutboxRow, reason: str) -> None:
        """See `Backlog.refuse`."""
        await self._writer.submit(lambda db: file.refuse(db, row.id, reason))
        self._pending -= 1
        self._refused += 1
        await self._tell_removal()

    async def retry_refused(self) -> int:
        """Queue all refused events again, as the oldest; return how many."""
        count = await self._writer.submit(file.restore_refused)
        self._pending += count
        self._refused -= count
        return count

    async def drained(self) -> None:
        """Return once nothing is pending of what was accepted before the call."""
        mark = await self._writer.submit(file.last_id)
        while True:
            before = self._removals
            if not await self._writer.submit(lambda db: file.left_of(db, mark)):
                return
            async with self._removed:
                while self._removals == before:
                    await self._removed.wait()

    async def status(self) -> OutboxStatus:
        """Return what the outbox holds."""
        oldest_ms = await self._writer.submit(file.oldest_ms)
        return OutboxStatus(
            pending=self._pending,
            size=self._size,
            oldest_seconds=0.0 if oldest_ms is None else self._now() - oldest_ms / 1000,
            refused=self._refused,
        )

    async def aclose(self) -> None:
        """Finish what is under way and let go of the file. Idempotent."""
        await self._writer.aclose()

    def _check_room(self, rows: int, size: int) -> None:
        if self._pending + self._refused + rows <= self._max_rows and (
            self._size + size <= self._max_bytes
        ):
            return
        raise OutboxFull(
            f"the outbox holds {self._pending} unpublished and {self._refused} refused events in "
            f"{self._size} bytes (at most {self._max_rows} events in {self._max_bytes} bytes), "
            "this one was not accepted: look at RabbitMQ, or allow more"
        )

    def _count(self, rows: int, size: int) -> None:
        self._pending += rows
        self._size += size

    async def _tell_removal(self) -> None:
        async with self._removed:
            self._removals += 1
            self._removed.notify_all()
