"""How far devices are behind, by SQL. Runs on a reader."""

from __future__ import annotations

from typing import Final

from kull_router.queues.port import SAMPLED, Lateness
from kull_router.queues.sql.db import Db
from kull_router.queues.sql.people import BEHIND, HOLDS

# The first by position is the oldest: entries are stored in the order of their times.
_OLDEST_EVERY: Final = """
SELECT (SELECT e.created_ms FROM every AS e
  WHERE e.queue_id = wanted.column1 AND e.seq > wanted.column2 ORDER BY e.seq LIMIT 1)
FROM {wanted}"""
_OLDEST_LATEST: Final = """
SELECT (SELECT min(e.created_ms) FROM latest AS e
  WHERE e.queue_id = wanted.column1 AND e.seq > wanted.column2)
FROM {wanted}"""


def lateness(db: Db, now_ms: int) -> Lateness:
    """See `Store.lateness`."""
    ((behind,),) = db.query(f"SELECT count(*) {BEHIND}")
    sample = db.query(f"SELECT q.id, {HOLDS} {BEHIND} LIMIT ?", (SAMPLED,))
    created = [
        int(created_ms)
        for sql in (_OLDEST_EVERY, _OLDEST_LATEST)
        for (created_ms,) in db.look_up(sql, [tuple(row) for row in sample])
        if created_ms is not None
    ]
    oldest_ms = max(0, now_ms - min(created, default=now_ms))
    return Lateness(behind=int(behind), oldest_ms=oldest_ms)
