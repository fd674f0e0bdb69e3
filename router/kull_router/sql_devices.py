"""Devices and their cursors by SQL. Runs in the writer's thread."""

from __future__ import annotations

from collections.abc import Sequence

from kull_router import queue
from kull_router.queue import Cursor, Cutoffs, Figures
from kull_router.sql import Db
from kull_router.sql_append import (
    KEPT_COLUMNS,
    check_term,
    figures_of,
    figures_or_new,
    kept_of,
    remove,
)
from kull_router.store import Attachment, CursorUpdate, DeviceInfo, KnownDevice

# Up to where all of a user's stable devices have what they need; users without one are left out.
_HOLDS = """
SELECT q.id, min(CASE WHEN c.seq > c.initial_head THEN c.seq ELSE c.initial_head END)
FROM {wanted}
JOIN queues AS q ON q.id = wanted.column1 AND substr(q.address, 1, 5) = 'user:'
JOIN devices AS d ON d.user_id = substr(q.address, 6) AND NOT d.ephemeral
JOIN cursors AS c ON c.user_id = d.user_id AND c.device_id = d.device_id AND c.queue_id = q.id
GROUP BY q.id"""


def attach(
    db: Db,
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
    # First, so that a retention run that forgets the device comes before all of this or after it.
    db.execute(
        "INSERT INTO devices (name, platform, ephemeral, last_seen_ms, user_id, device_id) "
        "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (user_id, device_id) "
        "DO UPDATE SET name = excluded.name, platform = excluded.platform, "
        "ephemeral = excluded.ephemeral, last_seen_ms = "
        "CASE WHEN devices.last_seen_ms > excluded.last_seen_ms "
        "THEN devices.last_seen_ms ELSE excluded.last_seen_ms END",
        (
            *(device.name, device.platform, device.ephemeral),
            *(now_ms, device.user, device.device),
        ),
    )
    queue_id, figures = figures_or_new(db, [address])[address]
    where = (device.user, device.device, queue_id)
    rows = db.query(
        "SELECT seq, initial_head FROM cursors "
        "WHERE user_id = ? AND device_id = ? AND queue_id = ?",
        where,
    )
    known = Cursor(*rows[0]) if rows else None
    attachment, cursor = queue.attach(figures, known, position)
    db.execute(
        "INSERT INTO cursors (user_id, device_id, queue_id, seq, initial_head) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT (user_id, device_id, queue_id) "
        "DO UPDATE SET seq = excluded.seq, initial_head = excluded.initial_head",
        (*where, cursor.seq, cursor.initial_head),
    )
    return attachment


def touch(db: Db, device: DeviceInfo, now_ms: int) -> None:
    """See `Store.touch`."""
    db.execute(
        "UPDATE devices SET name = ?, platform = ?, ephemeral = ?, "
        "last_seen_ms = CASE WHEN last_seen_ms > ? THEN last_seen_ms ELSE ? END "
        "WHERE user_id = ? AND device_id = ?",
        (
            *(device.name, device.platform, device.ephemeral),
            *(now_ms, now_ms, device.user, device.device),
        ),
    )


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


def trim_acknowledged(db: Db, queues: dict[int, Figures], cutoffs: Cutoffs) -> int:
    """Remove what no device of these queues needs any more; return how many entries went."""
    wanted = [(row,) for row, figures in queues.items() if figures.every or figures.latest]
    removed = 0
    for queue_id, up_to in db.look_up(_HOLDS, wanted):
        rows = db.query(
            f"SELECT {KEPT_COLUMNS} FROM entries WHERE queue_id = ? AND seq <= ?",  # noqa: S608 (no input)
            (queue_id, up_to),
        )
        gone = queue.acknowledged(map(kept_of, rows), up_to, cutoffs.acknowledged)
        remove(db, queue_id, queues[queue_id], gone)
        removed += len(gone)
    return removed


def devices(db: Db, user: str) -> list[KnownDevice]:
    """See `Store.devices`. Runs on a reader."""
    rows = db.query(
        "SELECT d.device_id, d.name, d.platform, d.ephemeral, d.last_seen_ms, "
        "(SELECT c.seq FROM cursors AS c JOIN queues AS q ON q.id = c.queue_id "
        "WHERE c.user_id = d.user_id AND c.device_id = d.device_id "
        "AND q.address = 'user:' || d.user_id) "
        "FROM devices AS d WHERE d.user_id = ? ORDER BY d.device_id",
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
