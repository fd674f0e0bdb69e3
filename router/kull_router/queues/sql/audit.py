"""What operators have done, by SQL: what `SqlStore` promises as an `AuditLog`."""

from __future__ import annotations

from operator import attrgetter
from typing import Final

from kull_router.access.audit import Action
from kull_router.queues.sql import columns
from kull_router.queues.sql.db import Db

STEP_ROWS: Final = 2_000  # that are forgotten in one transaction
_COLUMNS: Final = columns.names(columns.ACTION)
_MARKS: Final = ", ".join("?" * len(columns.ACTION))
_values: Final = attrgetter(*columns.ACTION)


def note(db: Db, action: Action) -> int:
    """See `AuditLog.note`. Runs in the writer's thread."""
    ((number,),) = db.query(
        f"INSERT INTO actions ({_COLUMNS}) VALUES ({_MARKS}) "  # noqa: S608 (no input)
        # Changes nothing: it is what makes both databases return the number of the one there.
        "ON CONFLICT (key) WHERE key <> '' DO UPDATE SET key = excluded.key RETURNING number",
        _values(action),
    )
    return int(number)


def finish(db: Db, number: int, result: str) -> None:
    """See `AuditLog.finish`. Runs in the writer's thread."""
    db.execute("UPDATE actions SET result = ? WHERE number = ? AND result = ''", (result, number))


def actions(db: Db, before: int, limit: int) -> list[Action]:
    """See `AuditLog.actions`. Runs on a reader."""
    rows = db.query(
        f"SELECT number, {_COLUMNS} FROM actions "  # noqa: S608 (no input)
        "WHERE ? = 0 OR number < ? ORDER BY number DESC LIMIT ?",
        (before, before, limit),
    )
    return [
        Action(number=number, **dict(zip(columns.ACTION, values, strict=True)))
        for number, *values in rows
    ]


def expire(db: Db, before_ms: int) -> int:
    """Forget up to STEP_ROWS that are older; return how many."""
    return db.count(
        "DELETE FROM actions WHERE number IN (SELECT q.number FROM actions AS q "  # noqa: S608
        f"WHERE q.at_ms < ? ORDER BY q.at_ms LIMIT ? {db.lock_free})",
        (before_ms, STEP_ROWS),
    )
