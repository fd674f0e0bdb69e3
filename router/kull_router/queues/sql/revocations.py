"""Revoked tokens by SQL: what `SqlStore` promises as a `RevocationLog`."""

from __future__ import annotations

from operator import attrgetter
from typing import Final

from kull_router.access.revocations import Revocation
from kull_router.queues.sql import columns
from kull_router.queues.sql.db import Db

_COLUMNS: Final = f"user_id, device_id, {columns.names(columns.REVOCATION)}"
_values: Final = attrgetter("user", "device", *columns.REVOCATION)


def revoke(db: Db, revocation: Revocation) -> None:
    """See `RevocationLog.revoke`. Runs in the writer's thread."""
    values = _values(revocation)
    marks = ", ".join("?" * len(values))
    db.execute(f"INSERT INTO revocations ({_COLUMNS}) VALUES ({marks})", values)  # noqa: S608


def revocations(db: Db, after: int) -> list[Revocation]:
    """See `RevocationLog.revocations`. Runs on a reader."""
    rows = db.query(
        f"SELECT number, {_COLUMNS} FROM revocations WHERE number > ? ORDER BY number",  # noqa: S608
        (after,),
    )
    return [
        Revocation(
            number=number,
            user=user,
            device=device,
            **dict(zip(columns.REVOCATION, values, strict=True)),
        )
        for number, user, device, *values in rows
    ]


def expire(db: Db, now_ms: int) -> None:
    """See `RevocationLog.expire_revocations`. Runs in the writer's thread."""
    db.execute("DELETE FROM revocations WHERE until_ms <= ?", (now_ms,))
