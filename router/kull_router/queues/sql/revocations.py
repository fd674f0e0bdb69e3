"""Revoked tokens by SQL."""

from __future__ import annotations

from typing import Final

from kull_router.access.revocations import Revocation
from kull_router.queues.sql.db import Db

_COLUMNS: Final = "user_id, device_id, token_id, issued_before_ms, until_ms"


def revoke(db: Db, revocation: Revocation) -> None:
    """See `RevocationLog.revoke`. Runs in the writer's thread."""
    db.execute(
        f"INSERT INTO revocations ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)",  # noqa: S608 (no input)
        (
            revocation.user,
            revocation.device,
            revocation.token_id,
            revocation.issued_before_ms,
            revocation.until_ms,
        ),
    )


def revocations(db: Db, after: int) -> list[Revocation]:
    """See `RevocationLog.revocations`. Runs on a reader."""
    rows = db.query(
        f"SELECT {_COLUMNS}, number FROM revocations WHERE number > ? ORDER BY number",  # noqa: S608
        (after,),
    )
    return [
        Revocation(
            user=user,
            device=device,
            token_id=token_id,
            issued_before_ms=issued_before_ms,
            until_ms=until_ms,
            number=number,
        )
        for user, device, token_id, issued_before_ms, until_ms, number in rows
    ]


def expire(db: Db, now_ms: int) -> None:
    """See `RevocationLog.expire_revocations`. Runs in the writer's thread."""
    db.execute("DELETE FROM revocations WHERE until_ms <= ?", (now_ms,))
