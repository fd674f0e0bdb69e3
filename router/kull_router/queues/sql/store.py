"""The store in an SQL database, whichever it is: everything but opening it.

One thread writes and commits in groups (`sql_writer`), some connections read. Readers see what is
committed, and neither wait for the writer nor hold it up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

from kull_router.access.revocations import Revocation
from kull_router.errors import StoreUnavailable
from kull_router.queues import rules as queue
from kull_router.queues.entry import Event
from kull_router.queues.port import (
    Attachment,
    CursorUpdate,
    DeviceInfo,
    KnownDevice,
    Outcome,
    Page,
    QueueInfo,
    Retention,
)
from kull_router.queues.rules import Figures
from kull_router.queues.sql import devices as sql_devices
from kull_router.queues.sql import retention as sql_retention
from kull_router.queues.sql import revocations as sql_revocations
from kull_router.queues.sql import rows as sql_append
from kull_router.queues.sql.db import Connection, DatabaseError, Db, Row
from kull_router.queues.sql.group_commit import Writer

T = TypeVar("T")


class SqlStore:
    """Implements `database.Database` on open connections, which it owns."""

    def __init__(
        self,
        *,
        epoch: str,
        writer: Connection,
        readers: Sequence[Connection],
        retention: Retention | None = None,
    ) -> None:
        self._epoch = epoch
        self._writer = Writer(writer)
        self._readers: SimpleQueue[Connection] = SimpleQueue()
        for reader in readers:
            self._readers.put(reader)
        self._pool = ThreadPoolExecutor(len(readers), thread_name_prefix="kull-store-reader")
        self._retention = retention or Retention()
        self._append = partial(sql_append.append, retention=self._retention)
        self._reader_count = len(readers)
        self._closed = False

    @property
    def epoch(self) -> str:
        """See `Store.epoch`."""
        return self._epoch

    @property
    def commits(self) -> int:
        """How many transactions were committed since it was opened."""
        return self._writer.commits

    async def claim(self, shard: int, owner: str) -> int:
        """See `Store.claim`."""
        return await self._writer.run(partial(_claim, shard=shard, owner=owner))

    async def append(
        self, shard: int, term: int, events: Sequence[Event], now_ms: int
    ) -> list[Outcome]:
        """See `Store.append`."""
        queue.check(events)
        request = sql_append.Append(shard=shard, term=term, events=events, now_ms=now_ms)
        size = sum(len(event.body) for event in events)
        return await self._writer.run_together(self._append, request, size=size)

    async def attach(
        self,
        shard: int,
        term: int,
        address: str,
        device: DeviceInfo,
        position: int | None,
        now_ms: int,
    ) -> Attachment:
        """See `Store.attach`."""
        request = sql_devices.Attach(
            shard=shard,
            term=term,
            address=address,
            device=device,
            position=position,
            now_ms=now_ms,
        )
        row = (device.user, device.device)
        return await self._writer.run_together(sql_devices.attach, request, row=row)

    async def read(
        self, address: str, *, after: int, limit: int, max_bytes: int, initial_head: int = 0
    ) -> Page:
        """See `Store.read`."""
        return await self._read(
            partial(
                _page,
                address=address,
                after=after,
                limit=limit,
                max_bytes=max_bytes,
                initial_head=initial_head,
            )
        )

    async def advance(self, cursors: Sequence[CursorUpdate], now_ms: int) -> None:
        """See `Store.advance`."""
        await self._writer.run(
            partial(
                sql_devices.advance,
                cursors=cursors,
                cutoffs=queue.cutoffs(self._retention, now_ms),
            )
        )

    async def touch(self, device: DeviceInfo, now_ms: int) -> None:
        """See `Store.touch`."""
        job = partial(sql_devices.touch, device=device, now_ms=now_ms)
        await self._writer.run(job, row=(device.user, device.device))

    async def devices(self, user: str) -> list[KnownDevice]:
        """See `Store.devices`."""
        return await self._read(partial(sql_devices.devices, user=user))

    async def forget(self, user: str, device: str) -> None:
        """See `Store.forget`."""
        job = partial(sql_devices.forget, user=user, device=device)
        await self._writer.run(job, row=(user, device))

    async def revoke(self, revocation: Revocation) -> None:
        """See `RevocationLog.revoke`."""
        await self._writer.run(partial(sql_revocations.revoke, revocation=revocation))

    async def revocations(self, after: int) -> list[Revocation]:
        """See `RevocationLog.revocations`."""
        return await self._read(partial(sql_revocations.revocations, after=after))

    async def expire_revocations(self, now_ms: int) -> None:
        """See `RevocationLog.expire_revocations`."""
        await self._writer.run(partial(sql_revocations.expire, now_ms=now_ms))

    async def queues(self, *, after: str = "", limit: int = 100) -> list[QueueInfo]:
        """See `Store.queues`."""
        return await self._read(partial(_queues, after=after, limit=limit))

    async def queue(self, address: str) -> QueueInfo | None:
        """See `Store.queue`."""
        return await self._read(partial(_queue, address=address))

    async def trim(self, now_ms: int) -> int:
        """See `Store.trim`. In steps: what else waits for the writer goes in between."""
        cutoffs = queue.cutoffs(self._retention, now_ms)
        removed = await self._repeat(partial(sql_retention.trim_devices, cutoffs=cutoffs))
        last = await self._read(sql_retention.last_queue)
        for after in range(0, last, sql_retention.SCAN_QUEUES):
            due = await self._read(partial(sql_retention.due, after=after, cutoffs=cutoffs))
            for start in range(0, len(due), sql_retention.STEP_QUEUES):
                step = due[start : start + sql_retention.STEP_QUEUES]
                removed += await self._writer.run(
                    partial(sql_retention.trim_entries, queue_ids=step, cutoffs=cutoffs)
                )
        await self._repeat(partial(sql_retention.trim_versions, cutoffs=cutoffs))
        return removed + await self._repeat(partial(sql_retention.trim_ids, cutoffs=cutoffs))

    async def _repeat(self, step: Callable[[Db], int]) -> int:
        removed = 0
        while done := await self._writer.run(step):
            removed += done
        return removed

    async def _read(self, job: Callable[[Db], T]) -> T:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._on_reader, job)

    def _on_reader(self, job: Callable[[Db], T]) -> T:
        db = self._readers.get()
        try:
            db.begin_read()
            try:
                return job(db)
            finally:
                db.rollback()
        except DatabaseError as error:
            raise StoreUnavailable(f"the database cannot be read: {error}") from error
        finally:
            self._readers.put(db)

    async def aclose(self) -> None:
        """See `Store.aclose`."""
        first, self._closed = not self._closed, True
        await self._writer.aclose()
        await asyncio.to_thread(self._pool.shutdown)
        if first:
            for _ in range(self._reader_count):
                self._readers.get().close()


def _claim(db: Db, *, shard: int, owner: str) -> int:
    row = db.query(
        "INSERT INTO shards (shard, term, owner) VALUES (?, 1, ?) ON CONFLICT (shard) "
        "DO UPDATE SET term = shards.term + 1, owner = excluded.owner RETURNING term",
        (shard, owner),
    )
    return int(row[0][0])


def _page(
    db: Db,
    *,
    address: str,
    after: int,
    limit: int,
    max_bytes: int,
    initial_head: int,
) -> Page:
    known = sql_append.figures_of(db, [address])
    queue_id, figures = known.get(address, (0, Figures()))
    rows = db.query(
        f"SELECT {sql_append.ENTRY_COLUMNS} FROM entries "  # noqa: S608 (no input)
        "WHERE queue_id = ? AND seq > ? AND (seq > ? OR contract = 'latest' AND NOT final) "
        "ORDER BY seq LIMIT ?",
        (queue_id, after, initial_head, limit + 1),
    )
    entries, complete = queue.cut(
        (sql_append.entry_of(address, row) for row in rows), limit=limit, max_bytes=max_bytes
    )
    return Page(
        entries=entries,
        through=figures.head if complete else entries[-1].seq,
        head=figures.head,
        lost=queue.is_lost(figures, after, initial_head),
    )


_INFO = "SELECT address, head, floor, every + latest FROM queues"


def _queues(db: Db, *, after: str, limit: int) -> list[QueueInfo]:
    rows = db.query(
        f"{_INFO} WHERE head > 0 AND address > ? ORDER BY address LIMIT ?", (after, limit)
    )
    return [_info(row) for row in rows]


def _queue(db: Db, *, address: str) -> QueueInfo | None:
    rows = db.query(f"{_INFO} WHERE head > 0 AND address = ?", (address,))
    return _info(rows[0]) if rows else None


def _info(row: Row) -> QueueInfo:
    address, head, floor, entries = row
    return QueueInfo(address=address, head=head, floor=floor, entries=entries)
