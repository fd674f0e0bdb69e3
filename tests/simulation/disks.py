"""Where the simulated database keeps its data: the twin in memory, or the real SQL in SQLite.

Calls of these stores never wait for anything: they take effect at once, in the caller's thread.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from kull_router.errors import StoreUnavailable
from kull_router.queues.database import Database as Store
from kull_router.queues.entry import Contract
from kull_router.queues.memory import MemoryState, MemoryStore
from kull_router.queues.port import Retention
from kull_router.queues.rules import Cursor
from kull_router.queues.sql import attach, rows, schema
from kull_router.queues.sql.db import Connection, DatabaseError, Db
from kull_router.queues.sql.sqlite_connection import SqliteConnection
from kull_router.queues.sql.store import SqlStore
from tests.simulation.ledger import Snapshot

EPOCH = "simulated"  # of every schedule
T = TypeVar("T")
R = TypeVar("R")


class Disk(Protocol):
    """A store, and what lies on its disk."""

    store: Store

    def snapshot(self) -> Snapshot:
        """Return what is stored now."""
        ...

    def close(self) -> None:
        """Throw it away."""
        ...


class MemoryDisk:
    """The twin in memory."""

    def __init__(self, *, shard_count: int, retention: Retention) -> None:
        self._state = MemoryState(shard_count=shard_count, epoch=EPOCH)
        self.store: Store = MemoryStore(self._state, shard_count=shard_count, retention=retention)

    def snapshot(self) -> Snapshot:
        """See Disk."""
        return Snapshot(
            floors={address: queue.figures.floor for address, queue in self._state.queues.items()},
            kept={
                address: {seq: entry.event.contract for seq, entry in queue.entries.items()}
                for address, queue in self._state.queues.items()
            },
            cursors={
                (user, name, address): cursor
                for user, devices in self._state.devices.items()
                for name, device in devices.items()
                for address, cursor in device.cursors.items()
            },
            stable={
                (user, name)
                for user, devices in self._state.devices.items()
                for name, device in devices.items()
                if not device.info.ephemeral
            },
        )

    def close(self) -> None:
        """See Disk."""


class SqliteDisk:
    """The real tables and statements in a file. Group commit's thread is not part of it."""

    def __init__(self, *, shard_count: int, retention: Retention) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="kull-simulation-"))
        self._db = SqliteConnection(self._folder / "kull.db")
        self._db.execute("PRAGMA synchronous = OFF")  # no power fails here
        schema.prepare(self._db, shard_count)
        self.store: Store = _InlineStore(self._db, retention)

    def snapshot(self) -> Snapshot:
        """See Disk."""
        queues = {}
        floors = {}
        for queue_id, address, floor in self._db.query("SELECT id, address, floor FROM queues"):
            queues[queue_id], floors[address] = address, floor
        kept: dict[str, dict[int, Contract]] = {address: {} for address in queues.values()}
        for queue_id, seq, contract in self._db.query(
            "SELECT queue_id, seq, contract FROM entries"
        ):
            kept[queues[queue_id]][seq] = Contract(contract)
        return Snapshot(
            floors=floors,
            kept=kept,
            cursors={
                (user, device, queues[queue_id]): Cursor(seq, initial_head)
                for user, device, queue_id, seq, initial_head in self._db.query(
                    "SELECT user_id, device_id, queue_id, seq, initial_head FROM cursors"
                )
            },
            stable={
                (user, device)
                for user, device in self._db.query(
                    "SELECT user_id, device_id FROM devices WHERE NOT ephemeral"
                )
            },
        )

    def close(self) -> None:
        """See Disk."""
        self._db.close()
        shutil.rmtree(self._folder)


class _InlineWriter:
    """Runs each job in a transaction of its own, as `Writer` does with a job that comes alone."""

    def __init__(self, db: Connection) -> None:
        self._db = db

    async def run(self, job: Callable[[Db], T], **_: Any) -> T:
        return self._in_transaction(job)

    async def run_together(
        self, many: Callable[[Db, Sequence[R]], Sequence[T | Exception]], request: R, **_: Any
    ) -> T:
        (outcome,) = self._in_transaction(lambda db: many(db, [request]))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def _in_transaction(self, job: Callable[[Db], T]) -> T:
        self._db.begin()
        try:
            result = job(self._db)
            self._db.commit()
        except DatabaseError as error:
            raise StoreUnavailable(f"the database refused: {error}") from error
        finally:
            self._db.rollback()  # nothing, once it is committed
        return result


class _InlineStore(SqlStore):
    """A `SqlStore` without threads."""

    def __init__(self, db: Connection, retention: Retention) -> None:
        self._epoch, self._time_ms = EPOCH, 0
        self._db = db
        self._writer = _InlineWriter(db)  # type: ignore[assignment]
        self._retention = retention
        self._append = partial(rows.append, retention=retention)
        self._attach = partial(attach.attach, seen_again_ms=retention.seen_again_ms)

    async def _read(self, job: Callable[[Db], T]) -> T:
        self._db.begin_read()
        try:
            return job(self._db)
        finally:
            self._db.rollback()

    async def aclose(self) -> None:
        """Nothing is to be ended."""


DISKS: dict[str, Callable[..., Disk]] = {"memory": MemoryDisk, "sqlite": SqliteDisk}
