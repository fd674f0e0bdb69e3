"""Who is there, and who is behind, by SQL on a connection for readers. For both databases."""

from __future__ import annotations

from typing import Final

from kull_protos.contract import addresses
from kull_router.queues.port import Backlog, Behind, KnownDevice
from kull_router.queues.sql import columns
from kull_router.queues.sql.db import Db
from kull_router.queues.sql.devices import info

_LAST: Final = "\U0010ffff"  # sorts behind all that begins alike
_USERS: Final = f"""
SELECT d.id FROM (
  SELECT DISTINCT user_id AS id FROM devices WHERE user_id > ? AND user_id >= ? AND user_id <= ?
  ORDER BY user_id LIMIT ?) AS d
UNION
SELECT q.id FROM (
  SELECT substr(address, {len(addresses.USER) + 1}) AS id FROM queues
  WHERE head > 0 AND address > ? AND address >= ? AND address <= ?
  ORDER BY address LIMIT ?) AS q
ORDER BY 1 LIMIT ?"""  # noqa: S608 (no input)
# Up to where a device holds its user's queue, and the devices that do not hold all of it.
HOLDS: Final = "CASE WHEN c.seq > c.initial_head THEN c.seq ELSE c.initial_head END"
BEHIND: Final = f"""
FROM cursors AS c
JOIN queues AS q ON q.id = c.queue_id AND q.address = '{addresses.USER}' || c.user_id
WHERE q.head > {HOLDS}"""
_POSITIONS: Final = f"q.head - {HOLDS}"
_ALL: Final = f"SELECT count(*), coalesce(sum({_POSITIONS}), 0) {BEHIND}"
_OF_DEVICE: Final = columns.names([f"d.{column}" for column in columns.DEVICE])
_WORST: Final = f"""
SELECT w.user_id, w.device_id, w.behind, w.seq, w.initial_head, d.last_seen_ms,
  {_OF_DEVICE}
FROM (
  SELECT c.user_id, c.device_id, c.seq, c.initial_head, {_POSITIONS} AS behind {BEHIND}
  ORDER BY behind DESC, c.user_id, c.device_id LIMIT ?) AS w
JOIN devices AS d ON d.user_id = w.user_id AND d.device_id = w.device_id
ORDER BY w.behind DESC, w.user_id, w.device_id"""  # noqa: S608 (no input)


def users(db: Db, *, prefix: str, after: str, limit: int) -> list[str]:
    """See `Store.users`."""
    of_devices = (after, prefix, prefix + _LAST, limit)
    of_queues = (*map(addresses.of_user, of_devices[:3]), limit)
    return [user for (user,) in db.query(_USERS, (*of_devices, *of_queues, limit))]


def backlog(db: Db, *, limit: int) -> Backlog:
    """See `Store.backlog`."""
    ((devices, positions),) = db.query(_ALL)
    worst = [
        Behind(
            positions=behind,
            device=KnownDevice(
                info=info(user, device, values),
                cursor=seq,
                last_seen_ms=last_seen_ms,
                initial_head=initial_head,
            ),
        )
        for user, device, behind, seq, initial_head, last_seen_ms, *values in db.query(
            _WORST, (limit,)
        )
    ]
    return Backlog(devices=devices, positions=int(positions), worst=worst)
