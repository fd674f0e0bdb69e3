"""Revoked tokens by SQL: what `SqlStore` promises as a `RevocationLog`."""

from __future__ import annotations

from operator import attrgetter
from typing import Final

from kull_router.access.revocations import Revocation
from kull_router.queues.sql import columns
from kull_router.queues.sql.db import Db, Row

STEP_ROWS: Final = 2_000  # that are forgotten in one transaction
# Sorts behind every device's row: nothing is locked after `meta`, so nobody waits in a circle.
LAST: Final = ("\U0010ffff",)
_COLUMNS: Final = f"user_id, device_id, {columns.names(columns.REVOCATION)}"
_SCOPE: Final = "user_id = ? AND device_id = ? AND token_id = ?"
NEWS: Final = (
    f"SELECT number, {_COLUMNS} FROM revocations "  # noqa: S608 (no input)
    "WHERE number > ? ORDER BY number LIMIT ?"
)
_scope: Final = attrgetter("user", "device", "token_id")
_values: Final = attrgetter("user", "device", *columns.REVOCATION)


def revoke(db: Db, revocation: Revocation) -> None:
    """See `RevocationLog.revoke`. Runs in the writer's thread."""
    db.query(f"SELECT q.value FROM meta AS q WHERE q.name = 'revocations' {db.lock}")  # noqa: S608
    scope = _scope(revocation)
    known = db.query(f"SELECT number, {_COLUMNS} FROM revocations WHERE {_SCOPE}", scope)  # noqa: S608
    merged = revocation
    for each in map(_revocation, known):
        if each.includes(revocation):
            return
        merged = merged.joined(each)
    if known:
        db.execute(f"DELETE FROM revocations WHERE {_SCOPE}", scope)  # noqa: S608
    values = _values(merged)
    marks = ", ".join("?" * len(values))
    db.execute(f"INSERT INTO revocations ({_COLUMNS}) VALUES ({marks})", values)  # noqa: S608


def revocations(db: Db, after: int, limit: int) -> list[Revocation]:
    """See `RevocationLog.revocations`. Runs on a reader."""
    return [_revocation(row) for row in db.query(NEWS, (after, limit))]


def _revocation(row: Row) -> Revocation:
    number, user, device, *values = row
    kept = dict(zip(columns.REVOCATION, values, strict=True))
    return Revocation(number=number, user=user, device=device, **kept)


def expire(db: Db, now_ms: int) -> int:
    """Forget up to STEP_ROWS that have ended; return how many."""
    return db.count(
        "DELETE FROM revocations WHERE number IN (SELECT q.number FROM revocations AS q "  # noqa: S608
        f"WHERE q.until_ms <= ? ORDER BY q.until_ms LIMIT ? {db.lock_free})",
        (now_ms, STEP_ROWS),
    )
