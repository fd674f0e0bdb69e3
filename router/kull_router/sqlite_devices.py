"""Devices and their cursors in SQLite. Runs in the writer's thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from kull_router import queue
from kull_router.queue import Cursor, Cutoffs, Figures
from kull_router.sqlite_append import (
    KEPT_COLUMNS,
    check_term,
    figures_of,
    figures_or_new,
    kept_of,
    look_up,
    remove,
)
from kull_router.store import Attachment, CursorUpdate, DeviceInfo, KnownDevice

# Up to where all of a user's stable devices have what they need; users without one are left out.
_HOLDS = """
SELECT q.id, min(max(c.seq, c.initial_head))
FROM (VALUES {rows}) AS wanted
JOIN queues AS q ON q.id = wanted.column1 AND substr(q.address, 1, 5) = 'user:'
JOIN devices AS d ON d.user = substr(q.address, 6) AND NOT d.ephemeral
JOIN cursors AS c ON c.user = d.user AND c.device = d.device AND c.queue_id = q.id
GROUP BY q.id"""


def attach(
    db: sqlite3.Connection,
    shard: int,
    term: int,
    address: str,
    device: DeviceInfo,
    *,
    position: int | None,
    now_ms: int,
) -> Attachment:
    """See `Store.attach`."""
    check_term(db, shard, term)
    queue_id, figures = figures_or_new(db, [address])[address]
    where = (device.user, device.device, queue_id)
    row = db.execute(
        "SELECT seq, initial_head FROM cursors WHERE user = ? AND device = ? AND queue_id = ?",
        where,
    ).fetchone()
    attachment, cursor = queue.attach(figures, Cursor(*row) if row else None, position)
    db.execute(
        "INSERT OR REPLACE INTO cursors (user, device, queue_id, seq, initial_head) "
        "VALUES (?, ?, ?, ?, ?)",
        (*where, cursor.seq, cursor.initial_head),
    )
    db.execute(
        "INSERT INTO devices (name, platform, ephemeral, last_seen_ms, user, device) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET name = excluded.name, "
        "platform = excluded.platform, ephemeral = excluded.ephemeral, "
        "last_seen_ms = max(last_seen_ms, excluded.last_seen_ms)",
        _device_row(device, now_ms),
    )
    return attachment


def touch(db: sqlite3.Connection, device: DeviceInfo, now_ms: int) -> None:
    """See `Store.touch`."""
    db.execute(
        "UPDATE devices SET name = ?, platform = ?, ephemeral = ?, "
        "last_seen_ms = max(last_seen_ms, ?) WHERE user = ? AND device = ?",
        _device_row(device, now_ms),
    )


def _device_row(device: DeviceInfo, now_ms: int) -> tuple[str | int, ...]:
    named = (device.name, device.platform, device.ephemeral)
    return (*named, now_ms, device.user, device.device)


def forget(db: sqlite3.Connection, user: str, device: str) -> None:
    """See `Store.forget`."""
    db.execute("DELETE FROM cursors WHERE user = ? AND device = ?", (user, device))
    db.execute("DELETE FROM devices WHERE user = ? AND device = ?", (user, device))


def advance(db: sqlite3.Connection, cursors: Sequence[CursorUpdate], cutoffs: Cutoffs) -> None:
    """See `Store.advance`."""
    queues = figures_of(db, {update.address for update in cursors})
    db.executemany(
        "UPDATE cursors SET seq = max(seq, ?) WHERE user = ? AND device = ? AND queue_id = ?",
        [
            (min(update.seq, figures.head), update.user, update.device, queue_id)
            for update in cursors
            for queue_id, figures in [queues.get(update.address, (0, Figures()))]
        ],
    )
    trim_acknowledged(db, dict(queues.values()), cutoffs)


def trim_acknowledged(db: sqlite3.Connection, queues: dict[int, Figures], cutoffs: Cutoffs) -> int:
    """Remove what no device of these queues needs any more; return how many entries went."""
    wanted = [(row,) for row, figures in queues.items() if figures.every or figures.latest]
    removed = 0
    for queue_id, up_to in list(look_up(db, _HOLDS, wanted)):
        rows = db.execute(
            f"SELECT {KEPT_COLUMNS} FROM entries WHERE queue_id = ? AND seq <= ?",  # noqa: S608 (no input)
            (queue_id, up_to),
        )
        gone = queue.acknowledged(map(kept_of, rows), up_to, cutoffs.acknowledged)
        remove(db, queue_id, queues[queue_id], gone)
        removed += len(gone)
    return removed


def devices(db: sqlite3.Connection, user: str) -> list[KnownDevice]:
    """See `Store.devices`. Runs on a reader."""
    rows = db.execute(
        "SELECT d.device, d.name, d.platform, d.ephemeral, d.last_seen_ms, "
        "(SELECT c.seq FROM cursors AS c JOIN queues AS q ON q.id = c.queue_id "
        "WHERE c.user = d.user AND c.device = d.device AND q.address = 'user:' || d.user) "
        "FROM devices AS d WHERE d.user = ? ORDER BY d.device",
        (user,),
    )
    return [
        KnownDevice(
            info=DeviceInfo(
                user=user, device=device, name=name, platform=platform, ephemeral=bool(ephemeral)
            ),
            cursor=cursor or 0,
            last_seen_ms=last_seen_ms,
        )
        for device, name, platform, ephemeral, last_seen_ms, cursor in rows
    ]
