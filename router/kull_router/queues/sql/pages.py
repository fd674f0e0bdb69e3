"""Reading queues by SQL, on a connection for readers. For both databases."""

from __future__ import annotations

from typing import Final

from kull_router.queues import rules
from kull_router.queues.port import Page, QueueInfo
from kull_router.queues.rules import Figures
from kull_router.queues.sql.db import Db, Row
from kull_router.queues.sql.rows import ENTRY_COLUMNS, entry_of, figures_of

_INFO: Final = "SELECT address, head, floor, every + latest FROM queues"


def page(
    db: Db,
    *,
    address: str,
    after: int,
    limit: int,
    max_bytes: int,
    initial_head: int,
) -> Page:
    """See `Store.read`."""
    known = figures_of(db, [address])
    queue_id, figures = known.get(address, (0, Figures()))
    rows = db.query(
        f"SELECT {ENTRY_COLUMNS} FROM entries "  # noqa: S608 (no input)
        "WHERE queue_id = ? AND seq > ? AND (seq > ? OR contract = 'latest' AND NOT final) "
        "ORDER BY seq LIMIT ?",
        (queue_id, after, initial_head, limit + 1),
    )
    entries, complete = rules.cut(
        (entry_of(address, row) for row in rows), limit=limit, max_bytes=max_bytes
    )
    return Page(
        entries=entries,
        through=figures.head if complete else entries[-1].seq,
        head=figures.head,
        lost=rules.is_lost(figures, after, initial_head),
    )


def queues(db: Db, *, after: str, limit: int) -> list[QueueInfo]:
    """See `Store.queues`."""
    rows = db.query(
        f"{_INFO} WHERE head > 0 AND address > ? ORDER BY address LIMIT ?", (after, limit)
    )
    return [_info(row) for row in rows]


def queue(db: Db, *, address: str) -> QueueInfo | None:
    """See `Store.queue`."""
    rows = db.query(f"{_INFO} WHERE head > 0 AND address = ?", (address,))
    return _info(rows[0]) if rows else None


def _info(row: Row) -> QueueInfo:
    address, head, floor, entries = row
    return QueueInfo(address=address, head=head, floor=floor, entries=entries)
