"""A PostgreSQL database that tests have one after the other, each to itself.

Making and dropping one takes a third of a second of the machine, emptying one a hundredth.
"""

from __future__ import annotations

from contextlib import ExitStack

import psycopg
from psycopg import sql

from tests.support.postgres import fresh_database

_SCHEMAS = r"SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$'"
_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


class SpareDatabase:
    """Keeps the database that the last test has left behind.

    Args:
        url: of the server's maintenance database.
    """

    def __init__(self, url: str) -> None:
        self._server = url
        self._databases = ExitStack()
        self._spare: str | None = None

    def take(self) -> str:
        """Return the URL of an empty database."""
        found, self._spare = self._spare, None
        return found or self._databases.enter_context(fresh_database(self._server))

    def give_back(self, url: str) -> None:
        """End its connections and empty it for the next test."""
        with psycopg.connect(url, autocommit=True) as db:
            db.execute(_OTHERS)
            for (name,) in db.execute(_SCHEMAS).fetchall():
                db.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(name)))
            db.execute("CREATE SCHEMA public")
            db.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")  # as in a new database
        self._spare = url

    def close(self) -> None:
        """Drop what is kept. Idempotent."""
        self._databases.close()
        self._spare = None
