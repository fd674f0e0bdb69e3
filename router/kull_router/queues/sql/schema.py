"""The tables: brought to what this version needs, and whose logs they hold. For both databases."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import structlog

from kull_router.errors import ConfigError, NewerSchema, ShardCountMismatch, StoreUnavailable
from kull_router.queues.sql.db import Connection, DatabaseError
from kull_router.queues.sql.migrations import MIGRATIONS, Migration

log = structlog.get_logger(__name__)

TIME: Final = "time_ms"  # in meta: the latest moment of a trim
# The numbers are the schema's version.
_APPLIED: Final = """
CREATE TABLE store_migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whose logs these are: see `Store.epoch`, `Store.time_ms` and `Connection.history`."""

    epoch: str
    history: str
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What an operator may want to know. `pending`: the migrations that the store lacks."""

    schema: int
    pending: Sequence[str]
    epoch: str
    shard_count: int


def prepare(
    db: Connection, shard_count: int, migrations: Sequence[Migration] = MIGRATIONS
) -> Identity:
    """Apply the migrations that are missing, all of them in an empty database.

    Each is a transaction, in which nobody else migrates; a process that dies leaves the rest to the
    next one. A store that is up to date is only read.

    Raises:
        NewerSchema: a newer version has changed the tables. Nothing was changed.
        ShardCountMismatch: the store was made for another shard count. Nothing was changed.
        ConfigError: the tables are not ours.
        DatabaseError: the database cannot be used.
    """
    db.begin_read()
    try:
        identity = None if _missing(db, migrations) else _identity(db)
        _check_shard_count(db, shard_count)
    finally:
        db.rollback()
    while identity is None:
        with _transaction(db, db.begin_migration):
            identity = _advance(db, shard_count, migrations)
    return identity


def status(db: Connection, migrations: Sequence[Migration] = MIGRATIONS) -> Status:
    """Return what is there, changing nothing.

    Raises StoreUnavailable when there is no store, and what `prepare` raises.
    """
    db.begin_read()
    try:
        missing = _missing(db, migrations)
        meta = _existing_meta(db)
        return Status(
            schema=max(number for number, _ in _applied(db)),
            pending=[str(each) for each in missing],
            epoch=meta["epoch"],
            shard_count=int(meta["shard_count"]),
        )
    finally:
        db.rollback()


def renew_epoch(db: Connection) -> str:
    """Give the stored logs a new identity and return it, as has to be done after a restore.

    Devices that know positions of lost entries refetch instead of missing what follows. No router
    may use the store meanwhile. Raises StoreUnavailable when there is no store.
    """
    with _transaction(db, db.begin_migration):
        _existing_meta(db)
        epoch = secrets.token_hex(8)
        _write_meta(db, epoch=epoch)
    return epoch


def _advance(db: Connection, shard_count: int, migrations: Sequence[Migration]) -> Identity | None:
    """Make one step; None: there may be more. Another process may have made it before."""
    _check_shard_count(db, shard_count)
    missing = _missing(db, migrations)
    if missing:
        _apply(db, missing[0])
        return None
    return _identity(db) or _new_identity(db, shard_count)


def _apply(db: Connection, migration: Migration) -> None:
    log.info("store_migrating", to=str(migration))
    applied = _applied(db)
    if not db.has_table("store_migrations"):
        db.execute(_APPLIED)
        _note(db, *applied)
    for statement in migration.statements(db.words):
        db.execute(statement)
    _note(db, (migration.number, migration.name))


def _note(db: Connection, *applied: tuple[int, str]) -> None:
    db.write("INSERT INTO store_migrations (number, name) SELECT * FROM {wanted}", applied)


def _missing(db: Connection, migrations: Sequence[Migration]) -> list[Migration]:
    applied = _applied(db)
    known = {(each.number, each.name) for each in migrations}
    if applied - known:
        raise NewerSchema(*max(applied - known), known=migrations[-1].number)
    return [each for each in migrations if (each.number, each.name) not in applied]


def _applied(db: Connection) -> set[tuple[int, str]]:
    if db.has_table("store_migrations"):
        rows = db.query("SELECT number, name FROM store_migrations")
        return {(int(number), str(name)) for number, name in rows}
    if not db.has_table("meta"):
        return set()
    if _meta(db).get("schema") == "1":  # made before there were migrations
        return {(MIGRATIONS[0].number, MIGRATIONS[0].name)}
    raise ConfigError("the database is one of something else: its table meta is not ours")


def _meta(db: Connection) -> dict[str, str]:
    if not db.has_table("meta"):
        return {}
    try:
        return {str(name): str(value) for name, value in db.query("SELECT name, value FROM meta")}
    except DatabaseError as error:
        raise ConfigError(f"the database is one of something else: {error}") from error


def _existing_meta(db: Connection) -> dict[str, str]:
    meta = _meta(db)
    if "epoch" not in meta:
        raise StoreUnavailable(
            "there is no store yet: a router makes it when it starts, or `kull store migrate`"
        )
    return meta


def _write_meta(db: Connection, **values: str) -> None:
    db.write(
        "INSERT INTO meta (name, value) SELECT * FROM {wanted} WHERE true "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        list(values.items()),
    )


def _check_shard_count(db: Connection, shard_count: int) -> None:
    stored = _meta(db).get("shard_count")
    if stored is not None and int(stored) != shard_count:
        raise ShardCountMismatch(int(stored), shard_count)


def _identity(db: Connection) -> Identity | None:
    """Return the store's identity; None: it has none yet, or was restored since."""
    meta = _meta(db)
    history = db.history()
    if "epoch" not in meta or meta.get("history", "") != history:
        return None
    return Identity(epoch=meta["epoch"], history=history, time_ms=int(meta.get(TIME, "0")))


def _new_identity(db: Connection, shard_count: int) -> Identity:
    # Entries that devices know may be gone, and their positions will be given again.
    before = _meta(db)
    time_ms = int(before.get(TIME, "0"))
    identity = Identity(epoch=secrets.token_hex(8), history=db.history(), time_ms=time_ms)
    if "epoch" in before:
        log.warning(
            "store_was_restored",
            was=before.get("history"),
            now=identity.history,
            epoch=identity.epoch,
        )
    _write_meta(db, epoch=identity.epoch, history=identity.history, shard_count=str(shard_count))
    return identity


@contextmanager
def _transaction(db: Connection, begin: Callable[[], None]) -> Iterator[None]:
    begin()
    try:
        yield
    except BaseException:
        db.rollback()
        raise
    db.commit()
