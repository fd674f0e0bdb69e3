"""Stores for contract tests: opened, closed, and opened again on the same data."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Protocol

import psycopg

from kull_router.queues.database import Database
from kull_router.queues.entry import NO_PROGRESS, Contract, Event
from kull_router.queues.memory import MemoryState, MemoryStore
from kull_router.queues.port import (
    Attach,
    Attachment,
    CursorUpdate,
    DeviceInfo,
    Outcome,
    Page,
    Retention,
    Store,
)
from kull_router.queues.sql.postgres import PostgresStore
from kull_router.queues.sql.sqlite import SqliteStore

SHARD = 5
NOW = 1_700_000_000_000  # ms
ALICE = "user:alice"
PHONE = DeviceInfo(user="alice", device="phone", name="Alice's phone", platform="ios")
MAC = DeviceInfo(user="alice", device="mac", name="Mac", platform="macos")
TAB = DeviceInfo(user="alice", device="web-1", platform="web", ephemeral=True)
TWENTY = [DeviceInfo(user="alice", device=f"device-{n:02}") for n in range(20)]
DAY = 86_400_000  # ms
AT_ONCE = Retention(ephemeral_device_age=0)  # acknowledged entries go without delay
_PAD = b" " * 10


class Disk(Protocol):
    """Where a store keeps its data: it can be opened many times, one after the other."""

    async def open(self, retention: Retention, shard_count: int) -> Database:
        """Open the store as a (re)started router would."""
        ...

    def refuse(self, event_id: str) -> None:
        """Have the database refuse events of this id, as no check of ours would."""
        ...


class MemoryDisk:
    """The state that one MemoryStore leaves to the next."""

    def __init__(self) -> None:
        self._state: MemoryState | None = None

    async def open(self, retention: Retention, shard_count: int) -> Database:
        """See Disk."""
        self._state = self._state or MemoryState(shard_count=shard_count)
        return MemoryStore(self._state, shard_count=shard_count, retention=retention)

    def refuse(self, event_id: str) -> None:
        """See Disk."""
        assert self._state is not None
        self._state.refused.add(event_id)


class SqliteDisk:
    """A file."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "kull.db"

    async def open(self, retention: Retention, shard_count: int) -> Database:
        """See Disk."""
        return await SqliteStore.open(self.path, shard_count=shard_count, retention=retention)

    def refuse(self, event_id: str) -> None:
        """See Disk."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as db:
            for table in ("every", "latest"):
                db.execute(
                    f"CREATE TRIGGER refuse_{table} BEFORE INSERT ON {table} "
                    f"WHEN NEW.id = '{event_id}' BEGIN SELECT RAISE(ABORT, 'refused'); END"
                )


class PostgresDisk:
    """A database."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def open(self, retention: Retention, shard_count: int) -> Database:
        """See Disk."""
        return await PostgresStore.open(self.url, shard_count=shard_count, retention=retention)

    def refuse(self, event_id: str) -> None:
        """See Disk."""
        with psycopg.connect(self.url, autocommit=True) as db:
            for table in ("every", "latest"):
                statement = f"ALTER TABLE {table} ADD CONSTRAINT refused CHECK (id <> '{event_id}')"
                db.execute(statement.encode())


@asynccontextmanager
async def opened(
    disk: Disk, retention: Retention | None = None, *, shard_count: int = 16
) -> AsyncIterator[Database]:
    """Open a store and close it at the end."""
    store = await disk.open(retention or Retention(), shard_count)
    try:
        yield store
    finally:
        await store.aclose()


def credit(
    event_id: str, *, address: str = ALICE, at: int = NOW, body: bytes = b"", service: str = ""
) -> Event:
    """An event of which each one counts."""
    return Event(
        id=event_id,
        address=address,
        type="CREDIT_UPDATE",
        service=service,
        contract=Contract.EVERY,
        body=body or b'{"id":"' + event_id.encode() + b'"}' + _PAD,
        created_ms=at,
    )


def tick(
    event_id: str,
    key: str = "shoot:1",
    version: int = 0,
    *,
    run: str = "run-1",
    progress: int = NO_PROGRESS,
    final: bool = False,
    late: bool = False,
    address: str = ALICE,
    at: int = NOW,
) -> Event:
    """An event of which only the newest per key counts."""
    return Event(
        id=event_id,
        address=address,
        type="SHOOT_PROGRESS",
        contract=Contract.LATEST,
        body=b'{"id":"' + event_id.encode() + b'"}' + _PAD,
        key=key,
        run=run,
        version=version,
        progress=progress,
        late=late,
        final=final,
        exclude_device="phone",
        created_ms=at,
    )


async def put(store: Store, *events: Event, term: int = 1, now: int = NOW) -> list[Outcome]:
    return await store.append(SHARD, term, events, now)


async def page(store: Store, after: int = 0, initial_head: int = 0, address: str = ALICE) -> Page:
    return await store.read(
        address, after=after, limit=10_000, max_bytes=10**9, initial_head=initial_head
    )


async def seqs(store: Store, after: int = 0, initial_head: int = 0) -> list[int]:
    return [entry.seq for entry in (await page(store, after, initial_head)).entries]


async def ack(
    store: Store, seq: int, device: DeviceInfo = PHONE, address: str = ALICE, now: int = NOW
) -> None:
    update = CursorUpdate(address=address, user=device.user, device=device.device, seq=seq)
    await store.advance([update], now)


async def attach(
    store: Store,
    device: DeviceInfo = PHONE,
    position: int | None = None,
    *,
    address: str = ALICE,
    shard: int = SHARD,
    term: int = 1,
    now: int = NOW,
    history: int = 0,
) -> Attachment:
    wanted = Attach(
        shard=shard,
        term=term,
        address=address,
        device=device,
        position=position,
        history=history,
    )
    (attachment,) = await store.attach([wanted], now)
    return attachment


async def join(
    store: Store,
    device: DeviceInfo = PHONE,
    position: int | None = None,
    *,
    address: str = ALICE,
    now: int = NOW,
) -> tuple[int, int, bool]:
    """Attach and return (after, initial_head, recovered)."""
    attached = await attach(store, device, position, address=address, now=now)
    return attached.after, attached.initial_head, attached.recovered
