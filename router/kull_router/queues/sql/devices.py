"""Devices and their cursors by SQL. Runs in the writer's thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

from kull_router.errors import Fenced
from kull_router.queues import rules
from kull_router.queues.port import Attachment, CursorUpdate, DeviceInfo, KnownDevice
from kull_router.queues.rules import Cursor, Cutoffs, Figures, Kept
from kull_router.queues.sql import columns
from kull_router.queues.sql.db import Db
from kull_router.queues.sql.rows import figures_of, figures_or_new, kept_of, remove
from kull_router.queues.sql.terms import fenced

# Up to where all of a user's stable devices have what they need; users without one are left out.
_HOLDS = """
SELECT q.id, min(CASE WHEN c.seq > c.initial_head THEN c.seq ELSE c.initial_head END)
FROM {wanted}
JOIN queues AS q ON q.id = wanted.column1 AND substr(q.address, 1, 5) = 'user:'
JOIN devices AS d ON d.user_id = substr(q.address, 6) AND NOT d.ephemeral
JOIN cursors AS c ON c.user_id = d.user_id AND c.device_id = d.device_id AND c.queue_id = q.id
GROUP BY q.id"""


# `rules.acknowledged` as a query: most of what has been acknowledged is too young to go.
# Not by the view `entries`: PostgreSQL would read it whole.
_OLD_EVERY = """
SELECT e.queue_id, e.seq, 'every', e.key, e.final, e.created_ms
FROM {wanted} CROSS JOIN every AS e ON e.queue_id = wanted.column1
AND e.seq <= wanted.column2 AND e.created_ms < wanted.column3"""
_OLD_LATEST = """
SELECT e.queue_id, e.seq, 'latest', e.key, e.final, e.created_ms
FROM {wanted} CROSS JOIN latest AS e ON e.queue_id = wanted.column1 AND e.seq > 0
AND e.seq <= wanted.column2 AND e.created_ms < wanted.column3 AND e.final"""
_CURSORS = """
SELECT c.user_id, c.device_id, c.queue_id, c.seq, c.initial_head
FROM {wanted} CROSS JOIN cursors AS c ON c.user_id = wanted.column1
AND c.device_id = wanted.column2 AND c.queue_id = wanted.column3"""
_DEVICE: Final = columns.names(columns.DEVICE)
# Without WHERE SQLite takes ON for that of a join.
_UPSERT_DEVICES: Final = f"""
INSERT INTO devices ({_DEVICE}, last_seen_ms, user_id, device_id)
SELECT * FROM {{wanted}} WHERE true ON CONFLICT (user_id, device_id)
DO UPDATE SET {columns.overwritten(columns.DEVICE)},
last_seen_ms = CASE WHEN devices.last_seen_ms > excluded.last_seen_ms
THEN devices.last_seen_ms ELSE excluded.last_seen_ms END"""  # noqa: S608 (no input)
_TOUCH: Final = (
    f"UPDATE devices SET {' = ?, '.join(columns.DEVICE)} = ?, "  # noqa: S608 (no input)
    "last_seen_ms = CASE WHEN last_seen_ms > ? THEN last_seen_ms ELSE ? END "
    "WHERE user_id = ? AND device_id = ?"
)
_LIST: Final = f"""
SELECT d.device_id, d.last_seen_ms,
(SELECT c.seq FROM cursors AS c JOIN queues AS q ON q.id = c.queue_id
WHERE c.user_id = d.user_id AND c.device_id = d.device_id AND q.address = 'user:' || d.user_id),
{_DEVICE} FROM devices AS d WHERE d.user_id = ? ORDER BY d.device_id"""  # noqa: S608 (no input)
_values: Final = attrgetter(*columns.DEVICE)
_UPSERT_CURSORS = """
INSERT INTO cursors (user_id, device_id, queue_id, seq, initial_head)
SELECT * FROM {wanted} WHERE true ON CONFLICT (user_id, device_id, queue_id)
DO UPDATE SET seq = excluded.seq, initial_head = excluded.initial_head"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attach:
    """A device that wants to follow a queue, at the owner of its shard of that term."""

    shard: int
    term: int
    address: str
    device: DeviceInfo
    position: int | None
    now_ms: int


def attach(db: Db, requests: Sequence[Attach]) -> list[Attachment | Fenced]:
    """Do what several calls of `Store.attach` want; return what each is to return or raise."""
    refused = fenced(db, [(each.shard, each.term) for each in requests])
    taken = [each for each, error in zip(requests, refused, strict=True) if error is None]
    # First, so that a retention run that forgets a device comes before all of this or after it.
    _note_devices(db, taken)
    queues = figures_or_new(db, dict.fromkeys(each.address for each in taken))
    places = [(each.device.user, each.device.device, queues[each.address][0]) for each in taken]
    cursors = {
        (user, device, queue_id): Cursor(seq, initial_head)
        for user, device, queue_id, seq, initial_head in db.look_up(_CURSORS, set(places))
    }
    attachments = []
    for each, place in zip(taken, places, strict=True):
        _, figures = queues[each.address]
        attachment, cursors[place] = rules.attach(figures, cursors.get(place), each.position)
        attachments.append(attachment)
    db.write(
        _UPSERT_CURSORS,
        [(*place, cursor.seq, cursor.initial_head) for place, cursor in cursors.items()],
    )
    answers = iter(attachments)
    return [error or next(answers) for error in refused]


def _note_devices(db: Db, requests: Sequence[Attach]) -> None:
    noted: dict[tuple[str, str], tuple[DeviceInfo, int]] = {}
    for each in requests:
        where = (each.device.user, each.device.device)
        _, seen_ms = noted.get(where, (each.device, 0))
        noted[where] = (each.device, max(each.now_ms, seen_ms))
    # Two routers that lock rows in the same order never wait for each other.
    db.write(
        _UPSERT_DEVICES,
        [
            (*_values(device), seen_ms, *where)
            for where, (device, seen_ms) in sorted(noted.items(), key=lambda item: item[0])
        ],
    )


def touch(db: Db, device: DeviceInfo, now_ms: int) -> None:
    """See `Store.touch`."""
    db.execute(_TOUCH, (*_values(device), now_ms, now_ms, device.user, device.device))


def forget(db: Db, user: str, device: str) -> None:
    """See `Store.forget`."""
    for table in ("devices", "cursors"):  # in the order in which an attach writes them
        db.execute(f"DELETE FROM {table} WHERE user_id = ? AND device_id = ?", (user, device))  # noqa: S608


def advance(db: Db, cursors: Sequence[CursorUpdate], cutoffs: Cutoffs) -> None:
    """See `Store.advance`."""
    queues = figures_of(db, {update.address for update in cursors}, lock=True)
    moved: dict[tuple[str, str, int], int] = {}
    for update in cursors:
        if update.address in queues:
            queue_id, figures = queues[update.address]
            cursor = (update.user, update.device, queue_id)
            moved[cursor] = max(moved.get(cursor, 0), min(update.seq, figures.head))
    db.write(
        "UPDATE cursors SET seq = wanted.column4 FROM {wanted} "
        "WHERE cursors.user_id = wanted.column1 AND cursors.device_id = wanted.column2 "
        "AND cursors.queue_id = wanted.column3 AND cursors.seq < wanted.column4",
        [(*cursor, seq) for cursor, seq in moved.items()],
    )
    trim_acknowledged(db, dict(queues.values()), cutoffs)


def trim_acknowledged(db: Db, queues: Mapping[int, Figures], cutoffs: Cutoffs) -> int:
    """Remove what no device of these queues needs any more; return how many entries went."""
    wanted = [(row,) for row, figures in queues.items() if figures.every or figures.latest]
    old = [(row, up_to, cutoffs.acknowledged) for row, up_to in db.look_up(_HOLDS, wanted)]
    gone: dict[int, list[Kept]] = {}
    for sql in (_OLD_EVERY, _OLD_LATEST):
        for queue_id, *row in db.look_up(sql, old):
            gone.setdefault(queue_id, []).append(kept_of(row))
    remove(db, queues, gone)
    return sum(map(len, gone.values()))


def devices(db: Db, user: str) -> list[KnownDevice]:
    """See `Store.devices`. Runs on a reader."""
    return [
        KnownDevice(info=_info(user, device, values), cursor=cursor or 0, last_seen_ms=last_seen_ms)
        for device, last_seen_ms, cursor, *values in db.query(_LIST, (user,))
    ]


def _info(user: str, device: str, values: Sequence[Any]) -> DeviceInfo:
    kept = dict(zip(columns.DEVICE, values, strict=True))
    kept["ephemeral"] = bool(kept["ephemeral"])  # SQLite gives a number
    return DeviceInfo(user=user, device=device, **kept)
