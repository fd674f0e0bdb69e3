"""Appending to queues by SQL: a few statements for all that waits, whatever its shard.

Written once for SQLite and PostgreSQL, see `db.Db`. Runs in the writer's thread, within its
transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import Any, Final

from kull_router.errors import Fenced
from kull_router.queues import rules
from kull_router.queues.entry import Contract, Entry, Event, Identity
from kull_router.queues.newest import Newest, heard_of, text_of
from kull_router.queues.port import Outcome, Retention
from kull_router.queues.rules import Figures, Kept, Plan
from kull_router.queues.sql import columns
from kull_router.queues.sql.db import Db
from kull_router.queues.sql.terms import fenced

_QUEUES = """
SELECT q.address, q.id, q.head, q.floor, q.every, q.latest
FROM {wanted} CROSS JOIN queues AS q ON q.address = wanted.column1"""
_SEEN = """
SELECT s.queue_id, s.id, s.type, s.service FROM {wanted}
CROSS JOIN seen AS s ON s.id = wanted.column2 AND s.queue_id = wanted.column1"""
_NEWEST = """
SELECT l.queue_id, l.key, l.seq, l.run, l.progress, l.final, l.heard FROM {wanted}
CROSS JOIN latest AS l ON l.queue_id = wanted.column1 AND l.key = wanted.column2"""

_INSERT_SEEN: Final = """
INSERT INTO seen (id, type, service, queue_id, seen_ms, seq) SELECT * FROM {wanted}"""
_EVENT: Final = columns.names(columns.EVENT)
_INSERT_EVERY: Final = f"INSERT INTO every (queue_id, seq, {_EVENT}) SELECT * FROM {{wanted}}"  # noqa: S608
_UPSERT_LATEST: Final = (
    f"INSERT INTO latest (changed_ms, heard, queue_id, seq, {_EVENT}) "  # noqa: S608
    "SELECT * FROM {wanted} WHERE true "  # without WHERE SQLite takes ON for that of a join
    "ON CONFLICT (queue_id, key) DO UPDATE SET "
    + columns.overwritten(
        ["changed_ms", "heard", "seq", *(one for one in columns.EVENT if one != "key")]
    )
)
ENTRY_COLUMNS: Final = f"seq, contract, {_EVENT}"  # of the view `entries`
KEPT_COLUMNS: Final = "seq, contract, key, final, created_ms"
_values: Final = attrgetter(*columns.EVENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """Checked events of one shard that are to be stored, by its owner of that term."""

    shard: int
    term: int
    events: Sequence[Event]
    now_ms: int


def figures_of(
    db: Db, addresses: Collection[str], *, lock: bool = False
) -> dict[str, tuple[int, Figures]]:
    """Return the row id and the counters of queues, by address; unknown ones are left out.

    Whoever is going to write counters must lock them: retention runs at every router.
    """
    # In one order, so that two routers never wait for each other.
    sql = f"{_QUEUES} ORDER BY q.id {db.lock}" if lock else _QUEUES
    known = db.known.queues(addresses)
    missing = [(address,) for address in addresses if address not in known]
    for address, queue_id, head, floor, every, latest in db.look_up(sql, missing):
        figures = Figures(head=head, floor=floor, every=every, latest=latest)
        known[address] = queue_id, figures
        db.known.note_queue(address, queue_id, figures)
    return known


def figures_or_new(
    db: Db, addresses: Collection[str], *, lock: bool = False
) -> dict[str, tuple[int, Figures]]:
    """Return the same of all the addresses, creating the queues that are missing."""
    known = figures_of(db, addresses, lock=lock)
    missing = [address for address in addresses if address not in known]
    if missing:
        db.write("INSERT INTO queues (address) SELECT * FROM {wanted}", [(one,) for one in missing])
        known |= figures_of(db, missing)
    return known


def append(
    db: Db, requests: Sequence[Append], *, retention: Retention
) -> list[list[Outcome] | Fenced]:
    """Store what several calls of `Store.append` want; return what each is to return or raise."""
    refused = fenced(db, [(each.shard, each.term) for each in requests])
    taken = [each for each, error in zip(requests, refused, strict=True) if error is None]
    events = [event for each in taken for event in each.events]
    now_ms = max((each.now_ms for each in taken), default=0)
    outcomes = iter(_append(db, events, now_ms, retention))
    return [
        error or list(islice(outcomes, len(each.events)))
        for each, error in zip(requests, refused, strict=True)
    ]


def _append(db: Db, events: Sequence[Event], now_ms: int, retention: Retention) -> list[Outcome]:
    places: dict[str, list[int]] = {}
    for place, event in enumerate(events):
        places.setdefault(event.address, []).append(place)
    queues = figures_or_new(db, places, lock=True)
    seen, newest = _known(db, events, {address: row[0] for address, row in queues.items()})

    outcomes: dict[int, Outcome] = {}
    plans: dict[int, Plan] = {}
    for address, its_places in places.items():
        queue_id, figures = queues[address]
        plans[queue_id], decided = rules.plan(
            figures,
            [events[place] for place in its_places],
            seen=seen.get(queue_id, set()),
            newest=newest.get(queue_id, {}),
            retention=retention.of(address),
        )
        outcomes.update(zip(its_places, decided, strict=True))
    _write(db, plans, now_ms)
    return [outcomes[place] for place in range(len(events))]


def _known(
    db: Db, events: Sequence[Event], ids: Mapping[str, int]
) -> tuple[dict[int, set[Identity]], dict[int, dict[str, Newest]]]:
    """Return, per queue, what was seen under the events' ids and the newest of the keys."""
    seen: dict[int, set[Identity]] = {}
    wanted = {(ids[event.address], event.id) for event in events}
    for queue_id, *identity in db.look_up(_SEEN, wanted):
        seen.setdefault(queue_id, set()).add(Identity(*identity))
    newest: dict[int, dict[str, Newest]] = {}
    latest = {
        (ids[event.address], event.key) for event in events if event.contract is Contract.LATEST
    }
    for (queue_id, key), known in _newest(db, latest).items():
        if known is not None:
            newest.setdefault(queue_id, {})[key] = known
    return seen, newest


def _newest(db: Db, wanted: Collection[tuple[int, str]]) -> dict[tuple[int, str], Newest | None]:
    """Return the newest of keys, by queue's row id and key; None: there is none."""
    found = db.known.newest(wanted)
    missing = {each: None for each in wanted if each not in found}
    found |= missing
    for queue_id, key, seq, run, progress, final, heard in db.look_up(_NEWEST, missing):
        found[queue_id, key] = Newest(
            seq=seq, run=run, progress=progress, final=bool(final), heard=heard_of(heard)
        )
    for queue_id, key in missing:
        db.known.note_newest(queue_id, key, found[queue_id, key])
    return found


def _write(db: Db, plans: Mapping[int, Plan], now_ms: int) -> None:
    changed = {queue_id: plan for queue_id, plan in plans.items() if plan.seen}
    if not changed:
        return
    every: list[tuple[Any, ...]] = []
    latest: list[tuple[Any, ...]] = []
    for queue_id, plan in changed.items():
        for key, newest in plan.newest.items():
            db.known.note_newest(queue_id, key, newest)
        for entry in plan.entries.values():
            if entry.event.contract is Contract.EVERY:
                every.append((queue_id, *_row(entry)))
            else:
                heard = text_of(plan.newest[entry.event.key].heard)
                latest.append((now_ms, heard, queue_id, *_row(entry)))
    db.write(_INSERT_EVERY, every)
    db.write(_UPSERT_LATEST, latest)
    seen = [
        (*one, queue_id, now_ms, seq)
        for queue_id, plan in changed.items()
        for one, seq in plan.seen.items()
    ]
    db.write(_INSERT_SEEN, sorted(seen))
    write_figures(db, {queue_id: plan.figures for queue_id, plan in changed.items()})
    for queue_id, plan in changed.items():
        for contract, count in plan.excess.items():
            oldest = db.query(
                f"SELECT {KEPT_COLUMNS} FROM entries WHERE queue_id = ? AND contract = ? "  # noqa: S608
                "ORDER BY seq LIMIT ?",
                (queue_id, contract.value, count),
            )
            gone = {queue_id: [kept_of(row) for row in oldest]}
            plan.figures = remove(db, {queue_id: plan.figures}, gone)[queue_id]


def write_figures(db: Db, figures: Mapping[int, Figures]) -> None:
    """Write queues' counters, by row id."""
    db.write(
        "UPDATE queues SET head = wanted.column2, floor = wanted.column3, "
        "every = wanted.column4, latest = wanted.column5 FROM {wanted} "
        "WHERE queues.id = wanted.column1",
        [(row, one.head, one.floor, one.every, one.latest) for row, one in figures.items()],
    )
    for row, one in figures.items():
        db.known.note_figures(row, one)


def remove(
    db: Db, figures: Mapping[int, Figures], gone: Mapping[int, Sequence[Kept]]
) -> dict[int, Figures]:
    """Remove queues' entries for retention's sake, by row id.

    Returns the counters of all `figures`; what has changed of them is written as well.
    """
    rows = [(queue_id, kept) for queue_id, its in gone.items() for kept in its]
    every = [(row, kept.seq) for row, kept in rows if kept.contract is Contract.EVERY]
    latest = [(row, kept.key) for row, kept in rows if kept.contract is Contract.LATEST]
    db.write(
        "DELETE FROM every WHERE (queue_id, seq) IN (SELECT column1, column2 FROM {wanted})", every
    )
    db.write(
        "UPDATE latest SET seq = 0, body = wanted.column3 FROM {wanted} "
        "WHERE latest.queue_id = wanted.column1 AND latest.key = wanted.column2",
        [(*where, b"") for where in latest],
    )
    if latest:
        db.known.forget_newest()
    changed = {row: rules.without(figures[row], its) for row, its in gone.items() if its}
    write_figures(db, changed)
    return {**figures, **changed}


def kept_of(row: Sequence[Any]) -> Kept:
    """Return what retention must know, from a row of KEPT_COLUMNS."""
    seq, contract, key, final, created_ms = row
    return Kept(seq, Contract(contract), key, bool(final), created_ms)


def entry_of(address: str, row: Sequence[Any]) -> Entry:
    """Return the entry of a row of ENTRY_COLUMNS."""
    seq, contract, *values = row
    kept = dict(zip(columns.EVENT, values, strict=True))
    kept["final"] = bool(kept["final"])  # SQLite gives a number
    return Entry(seq=seq, event=Event(address=address, contract=Contract(contract), **kept))


def _row(entry: Entry) -> tuple[Any, ...]:
    return (entry.seq, *_values(entry.event))
