"""The store in an SQL database, whichever it is: everything but opening it.

One thread writes and commits in groups (`sql_writer`), some connections read. Readers see what is
committed, and neither wait for the writer nor hold it up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

from kull_protos.contract import addresses
from kull_router.access.audit import Action
from kull_router.access.revocations import Revocation
from kull_router.errors import StoreRefused, StoreUnavailable
from kull_router.measures.store import StoreMeasures
from kull_router.queues import rules
from kull_router.queues.entry import Event
from kull_router.queues.port import (
    FIRST,
    Attach,
    Attachment,
    Backlog,
    CursorUpdate,
    DeviceInfo,
    KnownDevice,
    Outcome,
    Page,
    QueueInfo,
    Retention,
    Trace,
)
from kull_router.queues.presence_log import Told
from kull_router.queues.sql import (
    attach,
    audit,
    devices,
    pages,
    people,
    presence,
    retention,
    revocations,
    rows,
    terms,
)
from kull_router.queues.sql.db import Connection, DatabaseError, Db, Refused
from kull_router.queues.sql.group_commit import Writer
from kull_router.queues.sql.schema import Identity

T = TypeVar("T")


class SqlStore:
    """Implements `database.Database` on open connections, which it owns."""

    def __init__(
        self,
        identity: Identity,
        *,
        writer: Connection,
        readers: Sequence[Connection],
        retention: Retention | None = None,
        measures: StoreMeasures | None = None,
    ) -> None:
        self._epoch, self._time_ms = identity.epoch, identity.time_ms
        self._writer = Writer(writer, measures=measures)
        self._readers: SimpleQueue[Connection] = SimpleQueue()
        for reader in readers:
            self._readers.put(reader)
        self._pool = ThreadPoolExecutor(len(readers), thread_name_prefix="kull-store-reader")
        self._retention = retention or Retention()
        self._append = partial(rows.append, retention=self._retention)
        self._attach = partial(attach.attach, seen_again_ms=self._retention.seen_again_ms)
        self._reader_count = len(readers)
        self._closed = False

    @property
    def epoch(self) -> str:
        """See `Store.epoch`."""
        return self._epoch

    @property
    def time_ms(self) -> int:
        """See `Store.time_ms`."""
        return self._time_ms

    @property
    def commits(self) -> int:
        """How many transactions were committed since it was opened."""
        return self._writer.commits

    async def claim(self, shard: int, owner: str) -> int:
        """See `Store.claim`."""
        return await self._writer.run(partial(terms.claim, shard=shard, owner=owner))

    async def append(
        self, shard: int, term: int, events: Sequence[Event], now_ms: int
    ) -> list[Outcome]:
        """See `Store.append`."""
        rules.check(events)
        request = rows.Append(shard=shard, term=term, events=events, now_ms=now_ms)
        size = sum(len(event.body) for event in events)
        try:
            return await self._writer.run_together(self._append, request, size=size)
        except StoreUnavailable as error:
            if isinstance(error.__cause__, Refused):
                raise StoreRefused(f"the database refuses it: {error.__cause__}") from error
            raise

    async def attach(self, wanted: Sequence[Attach], now_ms: int) -> list[Attachment]:
        """See `Store.attach`."""
        request = attach.Attaching(wanted=wanted, now_ms=now_ms)
        row = min((each.device.user, each.device.device) for each in wanted)
        return await self._writer.run_together(self._attach, request, row=row)

    async def read(
        self, address: str, *, after: int, limit: int, max_bytes: int, initial_head: int = 0
    ) -> Page:
        """See `Store.read`."""
        return await self._read(
            partial(
                pages.page,
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
                devices.advance,
                cursors=cursors,
                cutoffs=rules.cutoffs(self._retention, now_ms),
            )
        )

    async def touch(self, device: DeviceInfo, now_ms: int) -> None:
        """See `Store.touch`."""
        job = partial(devices.touch, device=device, now_ms=now_ms)
        await self._writer.run(job, row=(device.user, device.device))

    async def devices(self, user: str, queue: str = "") -> list[KnownDevice]:
        """See `Store.devices`."""
        address = queue or addresses.of_user(user)
        return await self._read(partial(devices.devices, user=user, address=address))

    async def users(self, prefix: str, *, after: str = "", limit: int = 100) -> list[str]:
        """See `Store.users`."""
        return await self._read(partial(people.users, prefix=prefix, after=after, limit=limit))

    async def backlog(
        self, after: tuple[str, str] = FIRST, *, devices: int = 5_000, worst: int = 100
    ) -> Backlog:
        """See `Store.backlog`."""
        job = partial(people.backlog, after=after, devices=devices, worst=worst)
        return await self._read(job)

    async def find(self, event_id: str, address: str = "") -> list[Trace]:
        """See `Store.find`."""
        return await self._read(partial(pages.find, event_id=event_id, address=address))

    async def forget(self, user: str, device: str) -> None:
        """See `Store.forget`."""
        job = partial(devices.forget, user=user, device=device)
        await self._writer.run(job, row=(user, device))

    async def revoke(self, revocation: Revocation) -> None:
        """See `RevocationLog.revoke`."""
        job = partial(revocations.revoke, revocation=revocation)
        await self._writer.run(job, row=revocations.LAST)

    async def revocations(self, after: int, limit: int) -> list[Revocation]:
        """See `RevocationLog.revocations`."""
        return await self._read(partial(revocations.revocations, after=after, limit=limit))

    async def expire_revocations(self, now_ms: int) -> None:
        """See `RevocationLog.expire_revocations`."""
        await self._repeat(partial(revocations.expire, now_ms=now_ms))

    async def note(self, action: Action) -> int:
        """See `AuditLog.note`."""
        return await self._writer.run(partial(audit.note, action=action))

    async def finish(self, number: int, result: str) -> None:
        """See `AuditLog.finish`."""
        await self._writer.run(partial(audit.finish, number=number, result=result))

    async def actions(self, *, before: int = 0, limit: int = 100) -> Sequence[Action]:
        """See `AuditLog.actions`."""
        return await self._read(partial(audit.actions, before=before, limit=limit))

    async def tell(self, shard: int, term: int, words: Sequence[Told]) -> None:
        """See `PresenceLog.tell`."""
        await self._writer.run(partial(presence.tell, shard=shard, term=term, words=words))

    async def told(self, shard: int) -> list[Told]:
        """See `PresenceLog.told`."""
        return await self._read(partial(presence.told, shard=shard))

    async def last_seen(self, users: Collection[str]) -> dict[str, int]:
        """See `PresenceLog.last_seen`."""
        return await self._read(partial(presence.last_seen, users=users))

    async def queues(self, *, after: str = "", limit: int = 100) -> list[QueueInfo]:
        """See `Store.queues`."""
        return await self._read(partial(pages.queues, after=after, limit=limit))

    async def queue(self, address: str) -> QueueInfo | None:
        """See `Store.queue`."""
        return await self._read(partial(pages.queue, address=address))

    async def trim(self, now_ms: int) -> int:
        """See `Store.trim`. In steps: what else waits for the writer goes in between."""
        cutoffs = rules.cutoffs(self._retention, now_ms)
        await self._writer.run(partial(retention.note_time, now_ms=now_ms), row=retention.LAST)
        self._time_ms = max(self._time_ms, now_ms)
        removed = await self._repeat(partial(retention.trim_devices, cutoffs=cutoffs))
        last = await self._read(retention.last_queue)
        for after in range(0, last, retention.SCAN_QUEUES):
            due = await self._read(partial(retention.due, after=after, cutoffs=cutoffs))
            for start in range(0, len(due), retention.STEP_QUEUES):
                step = due[start : start + retention.STEP_QUEUES]
                removed += await self._writer.run(
                    partial(retention.trim_entries, queue_ids=step, cutoffs=cutoffs)
                )
        await self._repeat(partial(retention.trim_newest, cutoffs=cutoffs))
        await self._repeat(partial(audit.expire, before_ms=cutoffs.actions))
        return removed + await self._repeat(partial(retention.trim_ids, cutoffs=cutoffs))

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
