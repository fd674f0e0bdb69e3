"""The SQLite file: its tables and its lock."""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path
from typing import Final

from kull_router.errors import ConfigError, ShardCountMismatch, StoreLocked, StoreUnavailable
from kull_router.queues.sql.db import Connection, DatabaseError
from kull_router.queues.sql.sqlite_connection import SqliteConnection

SCHEMA: Final = 1

_TABLES: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;

CREATE TABLE shards (shard INTEGER PRIMARY KEY, term INTEGER NOT NULL, owner TEXT NOT NULL);

-- Rows of this table are never deleted: a seq must not be given twice in one epoch.
CREATE TABLE queues (
  id INTEGER PRIMARY KEY,
  address TEXT NOT NULL UNIQUE,
  head INTEGER NOT NULL DEFAULT 0,
  floor INTEGER NOT NULL DEFAULT 0,
  every INTEGER NOT NULL DEFAULT 0,   -- kept entries of this contract
  latest INTEGER NOT NULL DEFAULT 0
);

-- One table per contract. What they keep has the same columns, see the view.
CREATE TABLE every (
  queue_id INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  key TEXT NOT NULL,
  version INTEGER NOT NULL,
  final INTEGER NOT NULL,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  exclude_device TEXT NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (queue_id, seq)
) WITHOUT ROWID;

-- One row per key, so that replacing an entry writes one page. Once the entry has been trimmed its
-- seq is 0 and its body empty: only the version still counts.
CREATE TABLE latest (
  queue_id INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  key TEXT NOT NULL,
  version INTEGER NOT NULL,
  final INTEGER NOT NULL,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  exclude_device TEXT NOT NULL,
  body BLOB NOT NULL,
  changed_ms INTEGER NOT NULL,
  PRIMARY KEY (queue_id, key)
) WITHOUT ROWID;
CREATE INDEX latest_unused ON latest (changed_ms) WHERE seq = 0;

CREATE VIEW entries AS
  SELECT queue_id, seq, 'every' AS contract, created_ms, key, version, final, id, type,
    exclude_device, body
  FROM every
  UNION ALL
  SELECT queue_id, seq, 'latest', created_ms, key, version, final, id, type, exclude_device, body
  FROM latest WHERE seq > 0;

-- The id comes first: ids are made in the order of time, so that inserts meet at the right edge.
-- One table, not one per hour: that would be 25 look-ups per event instead of one.
CREATE TABLE seen (
  id TEXT NOT NULL,
  queue_id INTEGER NOT NULL,
  seen_ms INTEGER NOT NULL,
  PRIMARY KEY (id, queue_id)
) WITHOUT ROWID;
CREATE INDEX seen_age ON seen (seen_ms);

CREATE TABLE devices (
  user_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  name TEXT NOT NULL,
  platform TEXT NOT NULL,
  ephemeral INTEGER NOT NULL,
  last_seen_ms INTEGER NOT NULL,
  PRIMARY KEY (user_id, device_id)
) WITHOUT ROWID;
CREATE INDEX devices_age ON devices (ephemeral, last_seen_ms);

CREATE TABLE cursors (
  user_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  queue_id INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  initial_head INTEGER NOT NULL,
  PRIMARY KEY (user_id, device_id, queue_id)
) WITHOUT ROWID;
"""


# Newer than the tables above: made where it is missing. Numbers are never given twice.
_REVOCATIONS: Final = """
CREATE TABLE IF NOT EXISTS revocations (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  token_id TEXT NOT NULL,
  issued_before_ms INTEGER NOT NULL,
  until_ms INTEGER NOT NULL
)"""


def lock(path: Path) -> int:
    """Take the file for this process alone and return the lock's descriptor: close it to let go.

    Raises:
        StoreLocked: another process (or store) has it.
    """
    descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(descriptor, 20, 0).decode() or "unknown"
        os.close(descriptor)
        raise StoreLocked(
            f"{path} is in use by another router (process {owner}): stop that one first, or set "
            "KULL_DATA to another folder. Several routers need PostgreSQL"
        ) from None
    os.truncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor


def prepare(db: Connection, shard_count: int) -> str:
    """Create the tables in an empty file, check those of an older one, and return the epoch.

    Raises:
        ShardCountMismatch: the file was made for another shard count.
        ConfigError: the file is not ours, or of another version.
    """
    db.begin()
    try:
        if not db.query("SELECT 1 FROM sqlite_master LIMIT 1"):
            _create(db, shard_count)
        meta = _meta(db)
        if meta["schema"] != SCHEMA:
            raise ConfigError(
                f"the store has schema {meta['schema']}, this version needs {SCHEMA}: run the "
                "version of Kull Sync that made it, or start with an empty store"
            )
        if meta["shard_count"] != shard_count:
            raise ShardCountMismatch(int(meta["shard_count"]), shard_count)
        db.execute(_REVOCATIONS)
    except BaseException:
        db.rollback()
        raise
    db.commit()
    return str(meta["epoch"])


def renew_epoch(path: Path) -> str:
    """Give the stored logs a new identity, as has to be done after a restore from a backup.

    Devices that know positions of the lost entries refetch instead of missing what follows.
    Raises StoreLocked while a router runs, StoreUnavailable when there is no store.
    """
    if not path.exists():
        raise StoreUnavailable(f"there is no store at {path}")
    descriptor = lock(path)
    try:
        db = SqliteConnection(path)
        try:
            epoch = secrets.token_hex(8)
            db.execute("UPDATE meta SET value = ? WHERE name = 'epoch'", (epoch,))
            return epoch
        finally:
            db.close()
    except DatabaseError as error:
        raise StoreUnavailable(f"{path} cannot be used: {error}") from error
    finally:
        os.close(descriptor)


def _create(db: Connection, shard_count: int) -> None:
    for statement in _TABLES.split(
        ";"
    ):  # `executescript` would commit; no comment may hold a semicolon
        db.execute(statement)
    db.write(
        "INSERT INTO meta (name, value) SELECT * FROM {wanted}",
        [("schema", SCHEMA), ("shard_count", shard_count), ("epoch", secrets.token_hex(8))],
    )


def _meta(db: Connection) -> dict[str, str | int]:
    try:
        return dict(map(tuple, db.query("SELECT name, value FROM meta")))
    except DatabaseError as error:
        raise ConfigError(f"the file is a database of something else: {error}") from error
