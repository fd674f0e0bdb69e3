"""A process that is killed within a migration: run by the tests of the migrations.

Its arguments are a file of SQLite or the URL of a PostgreSQL database, and the text of a statement:
it dies when it comes to that one.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kull_router.queues.sql import schema
from kull_router.queues.sql.db import Connection
from kull_router.queues.sql.migrations import MIGRATIONS, Migration
from kull_router.queues.sql.postgres_connection import PostgresConnection
from kull_router.queues.sql.sqlite_connection import SqliteConnection

# What a later version might bring.
LATER = (
    *MIGRATIONS,
    Migration(
        len(MIGRATIONS) + 1,
        "labels",
        "ALTER TABLE devices ADD COLUMN label $text NOT NULL DEFAULT 'none';",
    ),
    Migration(
        len(MIGRATIONS) + 2,
        "badges",
        """
        -- One for each; a semicolon in a comment ends nothing.
        CREATE TABLE badges (user_id $text PRIMARY KEY, count $integer NOT NULL) $by_key;
        INSERT INTO badges (user_id, count) SELECT DISTINCT user_id, 0 FROM devices;
        """,
    ),
)


def mortal(db: Connection, last: str) -> Connection:
    """Return the connection, which kills this process at the statement that begins so."""
    execute = db.execute

    def execute_or_die(sql: str, parameters: Sequence[Any] = ()) -> None:
        if sql.lstrip().startswith(last):
            os.kill(os.getpid(), signal.SIGKILL)
        execute(sql, parameters)

    db.execute = execute_or_die  # type: ignore[method-assign]
    return db


def main() -> None:
    """Migrate until death."""
    where, last = sys.argv[1:]
    db: Connection
    if "://" in where:
        db = PostgresConnection(where, name="migrating", check=lambda _db: None)
    else:
        db = SqliteConnection(Path(where))
    schema.prepare(mortal(db, last), 16, LATER)


if __name__ == "__main__":
    main()
