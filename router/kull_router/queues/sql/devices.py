"""Devices and their cursors by SQL, once they are known. Runs in the writer's thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

from kull_router.queues.port import CursorUpdate, DeviceInfo, KnownDevice
from kull_router.queues.rules import Cutoffs, Figures, Kept
from kull_router.queues.sql import columns
from kull_router.queues.sql.db import Db
from kull_router.queues.sql.rows import figures_of, kept_of, remove

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
_DEVICE: Final = columns.names(columns.DEVICE)
_TOUCH: Final = (
    f"UPDATE devices SET {' = ?, '.join(columns.DEVICE)} = ?, "  # noqa: S608 (no input)
    "last_seen_ms = CASE WHEN last_seen_ms > ? THEN last_seen_ms ELSE ? END "
    "WHERE user_id = ? AND device_id = ?"
)
_LIST: Final = f"""
SELECT d.device_id, d.last_seen_ms, c.seq, c.initial_head, {_DEVICE}
FROM devices AS d LEFT JOIN cursors AS c ON c.user_id = d.user_id AND c.device_id = d.device_id
AND c.queue_id = (SELECT q.id FROM queues AS q WHERE q.address = ?)
WHERE d.user_id = ? ORDER BY d.device_id"""  # noqa: S608 (no input)
_values: Final = attrgetter(*columns.DEVICE)


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


def devices(db: Db, user: str, address: str) -> list[KnownDevice]:
    """See `Store.devices`. Runs on a reader."""
    return [
        KnownDevice(
            info=info(user, device, values),
            cursor=cursor or 0,
            last_seen_ms=last_seen_ms,
            initial_head=initial_head or 0,
            follows=cursor is not None,
        )
        for device, last_seen_ms, cursor, initial_head, *values in db.query(_LIST, (address, user))
    ]


def info(user: str, device: str, values: Sequence[Any]) -> DeviceInfo:
    """Return the device of a row of columns.DEVICE."""
    kept = dict(zip(columns.DEVICE, values, strict=True))
    kept["ephemeral"] = bool(kept["ephemeral"])  # SQLite gives a number
    return DeviceInfo(user=user, device=device, **kept)
