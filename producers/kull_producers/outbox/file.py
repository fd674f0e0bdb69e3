"""The outbox's SQLite file: its tables, its lock, and what is done in one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kull_producers.errors import OutboxError, OutboxFull, OutboxLocked
from kull_producers.outbox import private_file
from kull_producers.outbox.row import COLUMNS, OutboxRow, row_of

VERSION: Final = 1
_ROW_OVERHEAD: Final = 300  # bytes of a row that are not its body, roughly
_LIST: Final = ", ".join(COLUMNS)
_ROW: Final = """address TEXT NOT NULL,
      exchange TEXT NOT NULL,
      message_id TEXT NOT NULL,
      type TEXT NOT NULL,
      app_id TEXT NOT NULL,
      headers TEXT NOT NULL,
      body BLOB NOT NULL,
      accepted_ms INTEGER NOT NULL,
      size INTEGER NOT NULL"""
_TABLES: Final = (
    f"""CREATE TABLE events (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      {_ROW}
    )""",
    f"""CREATE TABLE refused (
      id INTEGER PRIMARY KEY,
      {_ROW},
      reason TEXT NOT NULL
    )""",
    f"PRAGMA user_version = {VERSION}",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What a file holds. `size` is in bytes, and counts the refused as well."""

    pending: int
    refused: int
    size: int


def size_of(row: Sequence[Any]) -> int:
    """Return the bytes that a row counts for."""
    return len(row[COLUMNS.index("body")]) + _ROW_OVERHEAD


def open_file(path: Path) -> sqlite3.Connection:
    """Open the file for this connection alone, creating it (and its folder) if there is none.

    The lock is SQLite's own: it ends with the process, however that ends. Any thread may use the
    connection, one at a time.

    Raises:
        OutboxLocked: another process, or another publisher of this one, uses it.
        OutboxError: it cannot be opened, or is something else.
    """
    db: sqlite3.Connection | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        private_file.create(path)
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        ((mode,),) = db.execute("PRAGMA journal_mode = WAL").fetchall()
        if mode != "wal":
            raise OutboxError(f"{path} cannot use a write-ahead log ({mode}): use a local disk")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA journal_size_limit = 67108864")  # bytes
        _prepare(db, path)
    except (OSError, sqlite3.Error, OutboxError) as error:
        if db is not None:
            db.close()
        if isinstance(error, OutboxError):
            raise
        raise explain(path, error) from error
    return db


def explain(path: Path, error: OSError | sqlite3.Error) -> OutboxError:
    """Return our error for one of SQLite's or the system's."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return OutboxLocked(
            f"the outbox {path} is in use by another publisher: "
            "each process needs a file of its own"
        )
    if code == sqlite3.SQLITE_FULL:
        return OutboxFull(
            f"the disk of the outbox {path} is full, nothing was accepted: make room on it"
        )
    return OutboxError(f"the outbox {path} cannot be used: {error}")


def totals(db: sqlite3.Connection) -> Totals:
    """Count what the file holds."""
    pending, size = db.execute("SELECT count(*), ifnull(sum(size), 0) FROM events").fetchone()
    refused, kept = db.execute("SELECT count(*), ifnull(sum(size), 0) FROM refused").fetchone()
    return Totals(pending=pending, refused=refused, size=size + kept)


def append(db: sqlite3.Connection, rows: Sequence[Sequence[Any]]) -> None:
    """Add rows at the end."""
    marks = ", ".join("?" * (len(COLUMNS) + 1))
    db.executemany(
        f"INSERT INTO events ({_LIST}, size) VALUES ({marks})",  # noqa: S608
        [(*row, size_of(row)) for row in rows],
    )


def read(db: sqlite3.Connection, limit: int, skip: Collection[str]) -> list[OutboxRow]:
    """Return the oldest rows, without those for the addresses in `skip`."""
    rows = db.execute(
        f"SELECT id, {_LIST} FROM events"  # noqa: S608
        " WHERE address NOT IN (SELECT value FROM json_each(?)) ORDER BY id LIMIT ?",
        (json.dumps(list(skip)), limit),
    )
    return [row_of(values) for values in rows]


def delete(db: sqlite3.Connection, ids: Sequence[int]) -> tuple[int, int]:
    """Delete rows; return how many there were, and their size in bytes."""
    sizes = db.execute(
        "DELETE FROM events WHERE id IN (SELECT value FROM json_each(?)) RETURNING size",
        (json.dumps(list(ids)),),
    ).fetchall()
    return len(sizes), sum(size for (size,) in sizes)


def refuse(db: sqlite3.Connection, row_id: int, reason: str) -> None:
    """Set a row aside for people to look at."""
    db.execute(
        f"INSERT INTO refused (id, {_LIST}, size, reason)"  # noqa: S608
        f" SELECT id, {_LIST}, size, ? FROM events WHERE id = ?",
        (reason, row_id),
    )
    db.execute("DELETE FROM events WHERE id = ?", (row_id,))


def restore_refused(db: sqlite3.Connection) -> int:
    """Queue all refused rows again, as the oldest; return how many."""
    count = db.execute(
        f"INSERT INTO events (id, {_LIST}, size) SELECT id, {_LIST}, size FROM refused"  # noqa: S608
    ).rowcount
    db.execute("DELETE FROM refused")
    return count


def last_id(db: sqlite3.Connection) -> int:
    """Return the id of the newest row, 0 if there is none."""
    return int(db.execute("SELECT ifnull(max(id), 0) FROM events").fetchone()[0])


def left_of(db: sqlite3.Connection, mark: int) -> int:
    """Return how many rows up to the id `mark` are left."""
    return int(db.execute("SELECT count(*) FROM events WHERE id <= ?", (mark,)).fetchone()[0])


def oldest_ms(db: sqlite3.Connection) -> int | None:
    """Return when the oldest row was accepted, None if there is none."""
    row = db.execute("SELECT accepted_ms FROM events ORDER BY id LIMIT 1").fetchone()
    return row and int(row[0])


def _prepare(db: sqlite3.Connection, path: Path) -> None:
    db.execute("BEGIN EXCLUSIVE")  # takes the lock, and keeps it
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (tables,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if not tables:
        for statement in _TABLES:
            db.execute(statement)
    elif version != VERSION:
        raise OutboxError(f"{path} is no outbox of this version of kull-producers: name another")
    db.execute("COMMIT")
