"""The tables in PostgreSQL, and whose logs they are."""

from __future__ import annotations

import secrets
from typing import Final

import structlog

from kull_router.errors import ConfigError, ShardCountMismatch
from kull_router.queues.sql.db import Connection, Db

log = structlog.get_logger(__name__)

SCHEMA: Final = 1
_LOCK: Final = 0x6B756C6C  # "kull": routers that start at once take turns

# The columns are those of SQLite, see there for why the tables are cut like this. Texts compare by
# their bytes, whatever the database's language. Rows that are rewritten all the time have room
# beside them, so that their indices stay as they are.
_TABLES: Final = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE shards (shard INTEGER PRIMARY KEY, term BIGINT NOT NULL, owner TEXT NOT NULL);
CREATE TABLE queues (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  address TEXT NOT NULL UNIQUE,
  head BIGINT NOT NULL DEFAULT 0,
  floor BIGINT NOT NULL DEFAULT 0,
  every BIGINT NOT NULL DEFAULT 0,
  latest BIGINT NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE TABLE every (
  queue_id BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  key TEXT NOT NULL,
  version BIGINT NOT NULL,
  final BOOLEAN NOT NULL,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  exclude_device TEXT NOT NULL,
  body BYTEA NOT NULL,
  PRIMARY KEY (queue_id, seq)
);
CREATE TABLE latest (
  queue_id BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  created_ms BIGINT NOT NULL,
  key TEXT NOT NULL,
  version BIGINT NOT NULL,
  final BOOLEAN NOT NULL,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  exclude_device TEXT NOT NULL,
  body BYTEA NOT NULL,
  changed_ms BIGINT NOT NULL,
  PRIMARY KEY (queue_id, key)
) WITH (fillfactor = 50);
CREATE INDEX latest_unused ON latest (changed_ms) WHERE seq = 0;
CREATE VIEW entries AS
  SELECT queue_id, seq, 'every' AS contract, created_ms, key, version, final, id, type,
    exclude_device, body
  FROM every
  UNION ALL
  SELECT queue_id, seq, 'latest', created_ms, key, version, final, id, type, exclude_device, body
  FROM latest WHERE seq > 0;
CREATE TABLE seen (
  id TEXT NOT NULL,
  queue_id BIGINT NOT NULL,
  seen_ms BIGINT NOT NULL,
  PRIMARY KEY (id, queue_id)
);
CREATE INDEX seen_age ON seen (seen_ms);
CREATE TABLE devices (
  user_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  name TEXT NOT NULL,
  platform TEXT NOT NULL,
  ephemeral BOOLEAN NOT NULL,
  last_seen_ms BIGINT NOT NULL,
  PRIMARY KEY (user_id, device_id)
);
CREATE INDEX devices_age ON devices (ephemeral, last_seen_ms);
CREATE TABLE cursors (
  user_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  queue_id BIGINT NOT NULL,
  seq BIGINT NOT NULL,
  initial_head BIGINT NOT NULL,
  PRIMARY KEY (user_id, device_id, queue_id)
) WITH (fillfactor = 70);
"""

# Newer than the tables above: made where it is missing.
_REVOCATIONS: Final = """
CREATE TABLE IF NOT EXISTS revocations (
  number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id TEXT NOT NULL,
  device_id TEXT NOT NULL,
  token_id TEXT NOT NULL,
  issued_before_ms BIGINT NOT NULL,
  until_ms BIGINT NOT NULL
)"""


def prepare(db: Connection, shard_count: int) -> tuple[str, str]:
    """Create the tables in an empty database, or check those of an older one.

    Returns the epoch, and the history that it belongs to (see `history_of`).

    Raises:
        ShardCountMismatch: it was made for another shard count.
        ConfigError: it is of another version.
        DatabaseError: it cannot be used.
    """
    db.begin()
    try:
        db.execute("SELECT pg_advisory_xact_lock(?)", (_LOCK,))
        if db.query("SELECT to_regclass('meta') IS NULL") == [(True,)]:
            _create(db, shard_count)
        meta = {str(name): str(value) for name, value in db.query("SELECT name, value FROM meta")}
        if meta.get("schema") != str(SCHEMA):
            raise ConfigError(
                f"the store has schema {meta.get('schema')}, this version needs {SCHEMA}: run the "
                "version of Kull Sync that made it, or start with an empty database"
            )
        if meta["shard_count"] != str(shard_count):
            raise ShardCountMismatch(int(meta["shard_count"]), shard_count)
        if db.query("SELECT to_regclass('revocations') IS NULL") == [(True,)]:
            db.execute(_REVOCATIONS.replace("TEXT", 'TEXT COLLATE "C"'))
        epoch, history = _epoch(db, meta)
    except BaseException:
        db.rollback()
        raise
    db.commit()
    return epoch, history


def _create(db: Connection, shard_count: int) -> None:
    tables = _TABLES.replace("TEXT", 'TEXT COLLATE "C"')
    for statement in filter(str.strip, tables.split(";")):
        db.execute(statement)
    meta = {
        "schema": SCHEMA,
        "shard_count": shard_count,
        "epoch": secrets.token_hex(8),
        "history": history_of(db),
    }
    db.write(
        "INSERT INTO meta (name, value) SELECT * FROM {wanted}",
        [(name, str(value)) for name, value in meta.items()],
    )


def history_of(db: Db) -> str:
    """Return what changes when stored entries may have been lost or undone.

    That is the cluster (a dump read into another one), the timeline (a standby promoted, a backup
    recovered to some moment) and the table itself (a dump read into the same cluster). A copy of
    the disk brought back as it was does not show: see docs/operations.md. Needs no special rights.
    """
    ((system, wal, table),) = db.query(
        "SELECT (SELECT system_identifier FROM pg_control_system()), "
        "pg_walfile_name(pg_current_wal_lsn()), 'meta'::regclass::oid::bigint"
    )
    return f"{system}/{int(wal[:8], 16)}/{table}"


def _epoch(db: Db, meta: dict[str, str]) -> tuple[str, str]:
    history = history_of(db)
    if meta["history"] == history:
        return meta["epoch"], history
    # Entries that devices know may be gone, and their positions will be given again.
    epoch = secrets.token_hex(8)
    log.warning("store_was_restored", was=meta["history"], now=history, epoch=epoch)
    db.execute("UPDATE meta SET value = ? WHERE name = 'epoch'", (epoch,))
    db.execute("UPDATE meta SET value = ? WHERE name = 'history'", (history,))
    return epoch, history
