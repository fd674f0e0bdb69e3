"""Retention by age, by SQL: one bounded step at a time, so that no append waits for long.

Every router of a database runs it. Rows that are in use elsewhere are left to the next run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from kull_router.queues import rules
from kull_router.queues.retention import prefix_of
from kull_router.queues.rules import Cutoffs, Figures
from kull_router.queues.sql import revocations
from kull_router.queues.sql.db import Db
from kull_router.queues.sql.devices import forget, trim_acknowledged
from kull_router.queues.sql.rows import KEPT_COLUMNS, kept_of, remove
from kull_router.queues.sql.schema import TIME

STEP_ROWS: Final = 2_000  # ids, keys or devices per transaction
STEP_QUEUES: Final = 20  # of up to `every_entries` + `latest_entries` each
SCAN_QUEUES: Final = 5_000  # looked at in one read

# Sorts behind every other row, that of the revocations too: see `revocations.LAST`.
LAST: Final = (*revocations.LAST, TIME)

# May name queues where nothing is to be done after all, never misses one.
_DUE = """
SELECT q.id FROM queues AS q
WHERE q.id > ? AND q.id <= ? AND q.every + q.latest > 0 AND (
  (SELECT created_ms FROM every WHERE queue_id = q.id ORDER BY seq LIMIT 1) < {aged}
  OR EXISTS (
    SELECT 1 FROM latest WHERE queue_id = q.id AND seq > 0 AND created_ms < {aged})
  OR substr(q.address, 1, 5) = 'user:' AND EXISTS (
    SELECT 1 FROM entries AS e
    WHERE e.queue_id = q.id AND e.created_ms < ?
    AND (e.contract = 'every' OR e.final)
    AND e.seq <= (
      SELECT min(CASE WHEN c.seq > c.initial_head THEN c.seq ELSE c.initial_head END)
      FROM devices AS d JOIN cursors AS c
      ON c.user_id = d.user_id AND c.device_id = d.device_id AND c.queue_id = q.id
      WHERE d.user_id = substr(q.address, 6) AND NOT d.ephemeral)))
"""


def _by_kind(
    default: int, of_kind: Mapping[str, int], *, queue: str
) -> tuple[str, list[str | int]]:
    """Return an expression for the moment that counts in a queue, and its parameters."""
    if not of_kind:
        return "?", [default]
    begins = {prefix_of(kind): moment_ms for kind, moment_ms in of_kind.items()}
    cases = [f"WHEN substr({queue}.address, 1, {len(each)}) = ? THEN ?" for each in begins]
    parameters = [value for case in begins.items() for value in case]
    return f"CASE {' '.join(cases)} ELSE ? END", [*parameters, default]


def note_time(db: Db, now_ms: int) -> None:
    """Keep the moment of a trim, if it is the latest one."""
    known = db.query(f"SELECT q.value FROM meta AS q WHERE q.name = ? {db.lock}", (TIME,))  # noqa: S608
    if all(int(value) < now_ms for (value,) in known):
        db.execute(
            "INSERT INTO meta (name, value) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (TIME, str(now_ms)),
        )


def last_queue(db: Db) -> int:
    """Return the highest row id of a queue. Runs on a reader."""
    ((last,),) = db.query("SELECT coalesce(max(id), 0) FROM queues")
    return int(last)


def due(db: Db, after: int, cutoffs: Cutoffs) -> list[int]:
    """Return which of the next SCAN_QUEUES queues have something to remove. Runs on a reader."""
    of_kind = {kind: its.entries for kind, its in cutoffs.kinds.items()}
    aged, moments = _by_kind(cutoffs.entries, of_kind, queue="q")
    rows = db.query(
        _DUE.format(aged=aged),
        (after, after + SCAN_QUEUES, *moments, *moments, cutoffs.acknowledged),
    )
    return [row for (row,) in rows]


def trim_entries(db: Db, queue_ids: Sequence[int], cutoffs: Cutoffs) -> int:
    """Remove the aged and the acknowledged entries of queues; return how many."""
    removed = 0
    figures: dict[int, Figures] = {}
    for queue_id in queue_ids:
        found = db.query(
            "SELECT q.address, q.head, q.floor, q.every, q.latest FROM queues AS q "  # noqa: S608
            f"WHERE q.id = ? {db.lock_free}",
            (queue_id,),
        )
        if not found:
            continue
        ((address, head, floor, every, latest),) = found
        rows = db.query(
            f"SELECT {KEPT_COLUMNS} FROM entries WHERE queue_id = ? ORDER BY seq",  # noqa: S608 (no input)
            (queue_id,),
        )
        gone = rules.aged(map(kept_of, rows), cutoffs.of(address).entries)
        before = Figures(head=head, floor=floor, every=every, latest=latest)
        figures |= remove(db, {queue_id: before}, {queue_id: gone})
        removed += len(gone)
    return removed + trim_acknowledged(db, figures, cutoffs)


def trim_ids(db: Db, cutoffs: Cutoffs) -> int:
    """Forget up to STEP_ROWS ids that are too old; return how many."""
    return db.count(
        "DELETE FROM seen WHERE (id, queue_id, type, service) IN "  # noqa: S608
        "(SELECT q.id, q.queue_id, q.type, q.service FROM seen AS q "
        f"WHERE q.seen_ms < ? ORDER BY q.seen_ms LIMIT ? {db.lock_free})",
        (cutoffs.ids, STEP_ROWS),
    )


def trim_newest(db: Db, cutoffs: Cutoffs) -> int:
    """Forget up to STEP_ROWS keys without entry that are too old; return how many."""
    db.known.forget_newest()
    of_kind = {kind: its.newest for kind, its in cutoffs.kinds.items()}
    moment, moments = _by_kind(cutoffs.newest, of_kind, queue="o")
    return db.count(
        "DELETE FROM latest WHERE (queue_id, key) IN (SELECT q.queue_id, q.key FROM latest AS q "  # noqa: S608
        "WHERE q.seq = 0 AND q.changed_ms < ? "
        f"AND q.changed_ms < (SELECT {moment} FROM queues AS o WHERE o.id = q.queue_id) "
        f"LIMIT ? {db.lock_free})",
        (max([cutoffs.newest, *of_kind.values()]), *moments, STEP_ROWS),
    )


def trim_devices(db: Db, cutoffs: Cutoffs) -> int:
    """Forget up to STEP_ROWS devices of each kind that are too old; return how many."""
    removed = 0
    for ephemeral, before_ms in ((False, cutoffs.devices), (True, cutoffs.ephemeral_devices)):
        gone = db.query(
            "SELECT q.user_id, q.device_id FROM devices AS q "  # noqa: S608 (no input)
            f"WHERE q.ephemeral = ? AND q.last_seen_ms < ? LIMIT ? {db.lock_free}",
            (ephemeral, before_ms, STEP_ROWS),
        )
        for user, device in gone:
            forget(db, user, device)
        removed += len(gone)
    return removed
