"""The list of columns and the tables agree, and one more is two lines."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from kull_router.queues.sql import columns, schema
from kull_router.queues.sql.db import Connection
from kull_router.queues.sql.migrations import MIGRATIONS
from tests.support.store_tables import PostgresTables, Tables

ROOT = Path(__file__).parents[3]
NEWEST = MIGRATIONS[-1].number


class TestOneMoreColumn:
    """What it costs to keep one thing more of an event, shown on a copy of the router."""

    def test_it_is_a_migration_and_an_entry_in_the_list(
        self, first: Tables, tmp_path: Path
    ) -> None:
        copy = tmp_path / "copy"
        shutil.copytree(
            ROOT / "router/kull_router",
            copy / "kull_router",
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        queues = copy / "kull_router/queues"
        _replace(
            queues / "entry.py", '    key: str = ""\n', '    key: str = ""\n    tint: str = ""\n'
        )
        _replace(queues / "sql/columns.py", '    "key",\n', '    "key",\n    "tint",\n')
        (queues / f"sql/migrations/{NEWEST + 1:04}_tint.sql").write_text(TINT)
        where = first.url if isinstance(first, PostgresTables) else str(first.location)

        done = subprocess.run(
            [sys.executable, "-m", "tests.contract.store.tinting_router", where],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{copy}{os.pathsep}{ROOT}"},
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == ["c-1:", "t-2:", "t-3:", "c-2:", "new:red", "tick:green"]


TINT = """
ALTER TABLE every ADD COLUMN tint $text NOT NULL DEFAULT '';
ALTER TABLE latest ADD COLUMN tint $text NOT NULL DEFAULT '';
DROP VIEW entries;
CREATE VIEW entries AS
  SELECT queue_id, seq, 'every' AS contract, created_ms, key, version, final, id, type,
    exclude_device, body, service, run, progress, tint
  FROM every
  UNION ALL
  SELECT queue_id, seq, 'latest', created_ms, key, version, final, id, type, exclude_device, body,
    service, run, progress, tint
  FROM latest WHERE seq > 0;
"""


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_the_columns_of_a_list_are_those_of_its_tables(first: Tables) -> None:
    def select(db: Connection, listed: tuple[str, ...], table: str) -> None:
        db.query(f"SELECT {columns.names(listed)} FROM {table}")

    with first.location.connected() as db:
        schema.prepare(db, 16, MIGRATIONS)
        db.begin_read()
        for table in ("every", "latest", "entries"):
            select(db, columns.EVENT, table)
        select(db, columns.DEVICE, "devices")
        select(db, columns.REVOCATION, "revocations")
        db.rollback()
