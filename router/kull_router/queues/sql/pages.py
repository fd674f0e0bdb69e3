"""Reading queues by SQL, on a connection for readers. For both databases."""

from __future__ import annotations

from typing import Final

from kull_router.queues import rules
from kull_router.queues.entry import Entry
from kull_router.queues.port import MAX_TRACES, Page, QueueInfo, Trace
from kull_router.queues.rules import Figures
from kull_router.queues.sql.db import Db, Row
from kull_router.queues.sql.rows import ENTRY_COLUMNS, entry_of, figures_of

_REMEMBERED: Final = """
SELECT q.id, q.address, s.type, s.service, s.seq, s.seen_ms FROM seen AS s
JOIN queues AS q ON q.id = s.queue_id
WHERE s.id = ? AND (? = '' OR q.address = ?) ORDER BY q.address, s.type, s.service LIMIT ?"""
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


def find(db: Db, *, event_id: str, address: str) -> list[Trace]:
    """See `Store.find`."""
    found: list[Trace] = []
    rows = db.query(_REMEMBERED, (event_id, address, address, MAX_TRACES))
    for queue_id, where, kind, service, seq, stored_ms in rows:
        entries = _entries_of(db, queue_id, where, event_id)
        entry = next((each for each in entries if _is(each, kind, service)), None)
        found.append(
            Trace(
                address=where,
                type=kind or (entry.event.type if entry else ""),
                service=service,
                seq=seq or (entry.seq if entry else 0),
                stored_ms=stored_ms,
                entry=entry,
            )
        )
    if found or not address:
        return found
    known = figures_of(db, [address])
    return [
        Trace(
            address=address,
            type=entry.event.type,
            service=entry.event.service,
            seq=entry.seq,
            stored_ms=entry.event.created_ms,
            entry=entry,
        )
        for queue_id, _ in known.values()
        for entry in _entries_of(db, queue_id, address, event_id)
    ]


def _entries_of(db: Db, queue_id: int, address: str, event_id: str) -> list[Entry]:
    rows = db.query(
        f"SELECT {ENTRY_COLUMNS} FROM entries WHERE queue_id = ? AND id = ? ORDER BY seq",  # noqa: S608
        (queue_id, event_id),
    )
    return [entry_of(address, row) for row in rows]


def _is(entry: Entry, kind: str, service: str) -> bool:
    """Whether it is what was remembered; older versions have remembered ids alone."""
    return not kind or (entry.event.type, entry.event.service) == (kind, service)


def _info(row: Row) -> QueueInfo:
    address, head, floor, entries = row
    return QueueInfo(address=address, head=head, floor=floor, entries=entries)
