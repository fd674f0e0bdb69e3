"""Appending to queues by SQL: a few statements for a whole batch.

Written once for SQLite and PostgreSQL, see `sql.Db`. Runs in the writer's thread, within its
transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any, Final

from kull_router import queue
from kull_router.errors import Fenced
from kull_router.event import Contract, Entry, Event
from kull_router.queue import Figures, Kept, Newest, Plan
from kull_router.sql import Db, Row
from kull_router.store import Outcome, Retention

_CHUNKS: Final = (
    1,
    4,
    16,
    64,
    256,
)  # rows per look-up: few, to keep statements prepared

_QUEUES = """
SELECT q.address, q.id, q.head, q.floor, q.every, q.latest
FROM (VALUES {rows}) AS wanted CROSS JOIN queues AS q ON q.address = wanted.column1"""
_SEEN = """
SELECT s.queue_id, s.id FROM (VALUES {rows}) AS wanted
CROSS JOIN seen AS s ON s.id = wanted.column2 AND s.queue_id = wanted.column1"""
_NEWEST = """
SELECT l.queue_id, l.key, l.seq, l.version FROM (VALUES {rows}) AS wanted
CROSS JOIN latest AS l ON l.queue_id = wanted.column1 AND l.key = wanted.column2"""

_EVENT_COLUMNS: Final = "created_ms, key, version, final, id, type, exclude_device, body"
_REPLACED: Final = ", ".join(
    f"{column} = excluded.{column}"
    for column in ("changed_ms", "seq", *_EVENT_COLUMNS.split(", "))
    if column != "key"
)
ENTRY_COLUMNS: Final = f"seq, contract, {_EVENT_COLUMNS}"  # of the view `entries`
KEPT_COLUMNS: Final = "seq, contract, key, final, created_ms"


def look_up(db: Db, sql: str, wanted: Collection[tuple[Any, ...]]) -> Iterator[Row]:
    """Yield the rows of a statement that joins `(VALUES {rows})` with a table."""
    rows = list(wanted)
    for start in range(0, len(rows), _CHUNKS[-1]):
        chunk = rows[start : start + _CHUNKS[-1]]
        width = len(chunk[0])
        size = next(size for size in _CHUNKS if size >= len(chunk))
        padding = (None,) * (width * (size - len(chunk)))  # NULL equals nothing
        yield from db.execute(_with_rows(sql, size, width), (*chain.from_iterable(chunk), *padding))


@cache
def _with_rows(sql: str, size: int, width: int) -> str:
    row = "(" + ", ".join("?" * width) + ")"
    return sql.replace("{rows}", ", ".join([row] * size))


def check_term(db: Db, shard: int, term: int) -> None:
    """Raise Fenced unless this is the shard's current term."""
    current = db.term(shard)
    if term != current:
        raise Fenced(shard, term, current)


def figures_of(db: Db, addresses: Collection[str]) -> dict[str, tuple[int, Figures]]:
    """Return the row id and the counters of queues, by address; unknown ones are left out."""
    return {
        address: (queue_id, Figures(head=head, floor=floor, every=every, latest=latest))
        for address, queue_id, head, floor, every, latest in look_up(
            db, _QUEUES, [(address,) for address in addresses]
        )
    }


def figures_or_new(db: Db, addresses: Collection[str]) -> dict[str, tuple[int, Figures]]:
    """Return the row id and the counters of queues, creating those that are missing."""
    known = figures_of(db, addresses)
    missing = [address for address in addresses if address not in known]
    if missing:
        db.executemany("INSERT INTO queues (address) VALUES (?)", [(one,) for one in missing])
        known |= figures_of(db, missing)
    return known


def append(
    db: Db,
    shard: int,
    term: int,
    events: Sequence[Event],
    *,
    now_ms: int,
    retention: Retention,
) -> list[Outcome]:
    """Store checked events of one shard: see `Store.append`."""
    check_term(db, shard, term)
    places: dict[str, list[int]] = {}
    for place, event in enumerate(events):
        places.setdefault(event.address, []).append(place)
    queues = figures_or_new(db, places)
    seen, newest = _known(db, events, {address: row[0] for address, row in queues.items()})

    outcomes: dict[int, Outcome] = {}
    plans: dict[int, Plan] = {}
    for address, its_places in places.items():
        queue_id, figures = queues[address]
        plans[queue_id], decided = queue.plan(
            figures,
            [events[place] for place in its_places],
            seen=seen.get(queue_id, set()),
            newest=newest.get(queue_id, {}),
            retention=retention,
        )
        outcomes.update(zip(its_places, decided, strict=True))
    _write(db, plans, now_ms)
    return [outcomes[place] for place in range(len(events))]


def _known(
    db: Db, events: Sequence[Event], ids: Mapping[str, int]
) -> tuple[dict[int, set[str]], dict[int, dict[str, Newest]]]:
    """Return, per queue, which ids were seen and the newest of the keys."""
    seen: dict[int, set[str]] = {}
    wanted = {(ids[event.address], event.id) for event in events}
    for queue_id, event_id in look_up(db, _SEEN, wanted):
        seen.setdefault(queue_id, set()).add(event_id)
    newest: dict[int, dict[str, Newest]] = {}
    latest = (event for event in events if event.contract is Contract.LATEST)
    for queue_id, key, seq, version in look_up(
        db, _NEWEST, {(ids[event.address], event.key) for event in latest}
    ):
        newest.setdefault(queue_id, {})[key] = Newest(seq, version)
    return seen, newest


def _write(db: Db, plans: Mapping[int, Plan], now_ms: int) -> None:
    changed = {queue_id: plan for queue_id, plan in plans.items() if plan.ids}
    if not changed:
        return
    rows: dict[Contract, list[tuple[Any, ...]]] = {Contract.EVERY: [], Contract.LATEST: []}
    for queue_id, plan in changed.items():
        for entry in plan.entries.values():
            rows[entry.event.contract].append((queue_id, *_row(entry)))
    db.executemany(
        f"INSERT INTO every (queue_id, seq, {_EVENT_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?)",  # noqa: S608 (no input)
        rows[Contract.EVERY],
    )
    db.executemany(
        f"INSERT INTO latest (changed_ms, queue_id, seq, {_EVENT_COLUMNS}) "  # noqa: S608 (no input)
        "VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (queue_id, key) DO UPDATE SET " + _REPLACED,
        [(now_ms, *row) for row in rows[Contract.LATEST]],
    )
    db.executemany(
        "INSERT INTO seen (id, queue_id, seen_ms) VALUES (?, ?, ?)",
        sorted((one, queue_id, now_ms) for queue_id, plan in changed.items() for one in plan.ids),
    )
    write_figures(db, {queue_id: plan.figures for queue_id, plan in changed.items()})
    for queue_id, plan in changed.items():
        for contract, count in plan.excess.items():
            oldest = db.execute(
                f"SELECT {KEPT_COLUMNS} FROM entries WHERE queue_id = ? AND contract = ? "  # noqa: S608
                "ORDER BY seq LIMIT ?",
                (queue_id, contract.value, count),
            )
            plan.figures = remove(db, queue_id, plan.figures, [kept_of(row) for row in oldest])


def write_figures(db: Db, figures: Mapping[int, Figures]) -> None:
    """Write queues' counters, by row id."""
    db.executemany(
        "UPDATE queues SET head = ?, floor = ?, every = ?, latest = ? WHERE id = ?",
        [(one.head, one.floor, one.every, one.latest, row) for row, one in figures.items()],
    )


def remove(db: Db, queue_id: int, figures: Figures, gone: Sequence[Kept]) -> Figures:
    """Remove entries for retention's sake; return the counters, which are written as well."""
    if not gone:
        return figures
    every = [(queue_id, kept.seq) for kept in gone if kept.contract is Contract.EVERY]
    latest = [(queue_id, kept.key) for kept in gone if kept.contract is Contract.LATEST]
    db.executemany("DELETE FROM every WHERE queue_id = ? AND seq = ?", every)
    db.executemany(
        "UPDATE latest SET seq = 0, body = ? WHERE queue_id = ? AND key = ?",
        [(b"", *where) for where in latest],
    )
    figures = queue.without(figures, gone)
    write_figures(db, {queue_id: figures})
    return figures


def kept_of(row: Sequence[Any]) -> Kept:
    """Return what retention must know, from a row of KEPT_COLUMNS."""
    seq, contract, key, final, created_ms = row
    return Kept(seq, Contract(contract), key, bool(final), created_ms)


def entry_of(address: str, row: Sequence[Any]) -> Entry:
    """Return the entry of a row of ENTRY_COLUMNS."""
    seq, contract, created_ms, key, version, final, event_id, kind, exclude, body = row
    return Entry(
        seq=seq,
        event=Event(
            id=event_id,
            address=address,
            type=kind,
            contract=Contract(contract),
            body=body,
            key=key,
            version=version,
            final=bool(final),
            exclude_device=exclude,
            created_ms=created_ms,
        ),
    )


def _row(entry: Entry) -> tuple[Any, ...]:
    event = entry.event
    return (
        entry.seq,
        event.created_ms,
        event.key,
        event.version,
        event.final,
        event.id,
        event.type,
        event.exclude_device,
        event.body,
    )
