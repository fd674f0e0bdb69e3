"""The tables beneath a store: written by hand, described, filled as older versions left them."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, Final, Protocol

import psycopg

from kull_router.queues.sql.location import Location
from kull_router.queues.sql.postgres import PostgresLocation
from kull_router.queues.sql.sqlite import SqliteLocation
from tests.support.stores import Disk, PostgresDisk, SqliteDisk

SCHEMAS: Final = Path(__file__).parents[1] / "contract/store/schemas"

_COLUMNS: Final = """
SELECT table_name, column_name, data_type, collation_name, column_default, is_nullable, is_identity
FROM information_schema.columns WHERE table_schema = 'public'
ORDER BY table_name, ordinal_position"""
_OPTIONS: Final = """
SELECT relname, relkind::text, reloptions::text FROM pg_class
WHERE relnamespace = 'public'::regnamespace ORDER BY relname"""
_INDICES: Final = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexdef"
_VIEWS: Final = "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public'"


class Tables(Protocol):
    """A database that may hold a store."""

    disk: Disk
    location: Location

    def run(self, script: str) -> None:
        """Run statements by hand."""
        ...

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Run a query by hand."""
        ...

    def make_first_schema(self) -> None:
        """Leave it as the version before numbered migrations did."""
        ...

    def described(self) -> dict[str, Any]:
        """Return all that says how the tables are made."""
        ...


class SqliteTables:
    """Implements Tables."""

    def __init__(self, folder: Path) -> None:
        disk = SqliteDisk(folder)
        self._path = disk.path
        self.disk: Disk = disk
        self.location: Location = SqliteLocation(disk.path)

    def run(self, script: str) -> None:
        db = sqlite3.connect(self._path)
        db.executescript(script)
        db.close()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        db = sqlite3.connect(self._path)
        try:
            return db.execute(sql).fetchall()
        finally:
            db.close()

    def make_first_schema(self) -> None:
        self.run((SCHEMAS / "sqlite_1.sql").read_text())

    def described(self) -> dict[str, Any]:
        objects = self.query(
            "SELECT name, type, rootpage > 0 FROM sqlite_master ORDER BY name, type"
        )
        columns = {name: self.query(f"PRAGMA table_xinfo({name})") for name, _, _ in objects}
        ways = self.query("SELECT name, type, wr FROM pragma_table_list ORDER BY name")
        indices = {
            name: self.query(f"PRAGMA index_xinfo({name})")
            for name, kind, _ in objects
            if kind == "index"
        }
        views = self.query("SELECT name, sql FROM sqlite_master WHERE type = 'view'")
        return {"columns": columns, "ways": ways, "indices": indices, "views": _plain(views)}


class PostgresTables:
    """Implements Tables."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.disk: Disk = PostgresDisk(url)
        self.location: Location = PostgresLocation(url)

    def run(self, script: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as db:
            db.execute(script)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url, autocommit=True) as db:
            return db.execute(sql).fetchall()

    def make_first_schema(self) -> None:
        self.run((SCHEMAS / "postgres_1.sql").read_text())
        with self.location.connected() as db:  # as if it had always been in this cluster
            db.begin()
            db.execute("UPDATE meta SET value = ? WHERE name = 'history'", (db.history(),))
            db.commit()

    def described(self) -> dict[str, Any]:
        queries = {"columns": _COLUMNS, "ways": _OPTIONS, "indices": _INDICES, "views": _VIEWS}
        return {name: self.query(sql) for name, sql in queries.items()}


def _plain(rows: list[tuple[Any, ...]]) -> list[list[str]]:
    """Without the difference that spaces make."""
    return [" ".join(map(str, row)).split() for row in rows]
