"""The store in one SQLite file: the embedded default, for one active router process.

One thread writes and commits in groups (`sqlite_writer`), two connections read. Readers see what
is committed, and neither wait for the writer nor hold it up.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Final, TypeVar

from kull_router import queue, sqlite_append, sqlite_devices, sqlite_retention, sqlite_schema
from kull_router.errors import StoreUnavailable
from kull_router.event import Event
from kull_router.queue import Figures
from kull_router.sqlite_writer import Writer
from kull_router.store import (
    Attachment,
    CursorUpdate,
    DeviceInfo,
    KnownDevice,
    Outcome,
    Page,
    QueueInfo,
    Retention,
)

T = TypeVar("T")
_READERS: Final = 2


class SqliteStore:
    """Implements `store.Store`. Open it with `SqliteStore.open`."""

    def __init__(
        self,
        *,
        epoch: str,
        lock: int,
        writer: sqlite3.Connection,
        readers: Sequence[sqlite3.Connection],
        retention: Retention,
    ) -> None:
        self._epoch = epoch
        self._lock = lock
        self._writer = Writer(writer)
        self._readers: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        for reader in readers:
            self._readers.put(reader)
        self._pool = ThreadPoolExecutor(len(readers), thread_name_prefix="kull-store-reader")
        self._retention = retention
        self._closed = False

    @classmethod
    async def open(
        cls, path: Path, *, shard_count: int, retention: Retention | None = None
    ) -> SqliteStore:
        """Open the file, creating it (and its folder) if there is none.

        Raises:
            StoreLocked: another router process uses it.
            ShardCountMismatch: it was created for another shard count.
            ConfigError: it is something else, or of another version.
            StoreUnavailable: it cannot be opened.
        """
        opened = await asyncio.to_thread(_open, path, shard_count)
        epoch, lock, (writer, *readers) = opened
        return cls(
            epoch=epoch,
            lock=lock,
            writer=writer,
            readers=readers,
            retention=retention or Retention(),
        )

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
        job = partial(
            sqlite_append.append,
            shard=shard,
            term=term,
            events=events,
            now_ms=now_ms,
            retention=self._retention,
        )
        return await self._writer.run(job, size=sum(len(event.body) for event in events))

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
        job = partial(
            sqlite_devices.attach,
            shard=shard,
            term=term,
            address=address,
            device=device,
            position=position,
            now_ms=now_ms,
        )
        return await self._writer.run(job)

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
                sqlite_devices.advance,
                cursors=cursors,
                cutoffs=queue.cutoffs(self._retention, now_ms),
            )
        )

    async def touch(self, device: DeviceInfo, now_ms: int) -> None:
        """See `Store.touch`."""
        await self._writer.run(partial(sqlite_devices.touch, device=device, now_ms=now_ms))

    async def devices(self, user: str) -> list[KnownDevice]:
        """See `Store.devices`."""
        return await self._read(partial(sqlite_devices.devices, user=user))

    async def forget(self, user: str, device: str) -> None:
        """See `Store.forget`."""
        await self._writer.run(partial(sqlite_devices.forget, user=user, device=device))

    async def queues(self, *, after: str = "", limit: int = 100) -> list[QueueInfo]:
        """See `Store.queues`."""
        return await self._read(partial(_queues, after=after, limit=limit))

    async def queue(self, address: str) -> QueueInfo | None:
        """See `Store.queue`."""
        return await self._read(partial(_queue, address=address))

    async def trim(self, now_ms: int) -> int:
        """See `Store.trim`. In steps: what else waits for the writer goes in between."""
        cutoffs = queue.cutoffs(self._retention, now_ms)
        removed = await self._repeat(partial(sqlite_retention.trim_devices, cutoffs=cutoffs))
        last = await self._read(sqlite_retention.last_queue)
        for after in range(0, last, sqlite_retention.SCAN_QUEUES):
            due = await self._read(partial(sqlite_retention.due, after=after, cutoffs=cutoffs))
            for start in range(0, len(due), sqlite_retention.STEP_QUEUES):
                step = due[start : start + sqlite_retention.STEP_QUEUES]
                removed += await self._writer.run(
                    partial(sqlite_retention.trim_entries, queue_ids=step, cutoffs=cutoffs)
                )
        await self._repeat(partial(sqlite_retention.trim_versions, cutoffs=cutoffs))
        return removed + await self._repeat(partial(sqlite_retention.trim_ids, cutoffs=cutoffs))

    async def _repeat(self, step: Callable[[sqlite3.Connection], int]) -> int:
        removed = 0
        while done := await self._writer.run(step):
            removed += done
        return removed

    async def _read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        if self._closed:
            raise StoreUnavailable("the store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._on_reader, job)

    def _on_reader(self, job: Callable[[sqlite3.Connection], T]) -> T:
        db = self._readers.get()
        try:
            db.execute("BEGIN")  # all statements of a job see the same moment
            try:
                return job(db)
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the database cannot be read: {error}") from error
        finally:
            self._readers.put(db)

    async def aclose(self) -> None:
        """See `Store.aclose`."""
        first, self._closed = not self._closed, True
        await self._writer.aclose()
        await asyncio.to_thread(self._pool.shutdown)
        if first:
            for _ in range(_READERS):
                self._readers.get().close()
            os.close(self._lock)


def _open(path: Path, shard_count: int) -> tuple[str, int, list[sqlite3.Connection]]:
    opened: list[sqlite3.Connection] = []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = sqlite_schema.lock(path)
    except OSError as error:
        raise StoreUnavailable(f"{path} cannot be opened: {error}") from error
    try:
        opened.append(sqlite_schema.connect(path))
        epoch = sqlite_schema.prepare(opened[0], shard_count)
        opened.extend(sqlite_schema.connect(path) for _ in range(_READERS))
    except BaseException as error:
        for db in opened:
            db.close()
        os.close(lock)
        if isinstance(error, sqlite3.Error):
            raise StoreUnavailable(f"{path} cannot be opened: {error}") from error
        raise
    return epoch, lock, opened


def _claim(db: sqlite3.Connection, *, shard: int, owner: str) -> int:
    row = db.execute(
        "INSERT INTO shards (shard, term, owner) VALUES (?, 1, ?) ON CONFLICT (shard) "
        "DO UPDATE SET term = term + 1, owner = excluded.owner RETURNING term",
        (shard, owner),
    ).fetchall()
    return int(row[0][0])


def _page(
    db: sqlite3.Connection,
    *,
    address: str,
    after: int,
    limit: int,
    max_bytes: int,
    initial_head: int,
) -> Page:
    known = sqlite_append.figures_of(db, [address])
    queue_id, figures = known.get(address, (0, Figures()))
    rows = db.execute(
        f"SELECT {sqlite_append.ENTRY_COLUMNS} FROM entries "  # noqa: S608 (no input)
        "WHERE queue_id = ? AND seq > ? AND (seq > ? OR contract = 'latest' AND NOT final) "
        "ORDER BY seq LIMIT ?",
        (queue_id, after, initial_head, limit + 1),
    )
    entries, complete = queue.cut(
        (sqlite_append.entry_of(address, row) for row in rows), limit=limit, max_bytes=max_bytes
    )
    rows.close()
    return Page(
        entries=entries,
        through=figures.head if complete else entries[-1].seq,
        head=figures.head,
        lost=queue.is_lost(figures, after, initial_head),
    )


_INFO = "SELECT address, head, floor, every + latest FROM queues"


def _queues(db: sqlite3.Connection, *, after: str, limit: int) -> list[QueueInfo]:
    rows = db.execute(
        f"{_INFO} WHERE head > 0 AND address > ? ORDER BY address LIMIT ?", (after, limit)
    )
    return [_info(row) for row in rows]


def _queue(db: sqlite3.Connection, *, address: str) -> QueueInfo | None:
    row = db.execute(f"{_INFO} WHERE head > 0 AND address = ?", (address,)).fetchone()
    return _info(row) if row else None


def _info(row: tuple[str, int, int, int]) -> QueueInfo:
    address, head, floor, entries = row
    return QueueInfo(address=address, head=head, floor=floor, entries=entries)
