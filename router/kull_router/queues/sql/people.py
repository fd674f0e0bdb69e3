"""Who is there, and who is behind, by SQL on a connection for readers. For both databases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

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
# Up to where a device holds its user's queue.
_HOLDS: Final = "CASE WHEN c.seq > c.initial_head THEN c.seq ELSE c.initial_head END"
# The first by position is the oldest: entries are stored in the order of their times.
_SINCE: Final = f"""
  (SELECT e.created_ms FROM every AS e WHERE e.queue_id = q.id AND e.seq > {_HOLDS}
    ORDER BY e.seq LIMIT 1) AS every_ms,
  (SELECT min(e.created_ms) FROM latest AS e WHERE e.queue_id = q.id AND e.seq > {_HOLDS})
    AS latest_ms"""  # noqa: S608 (no input)
# From one device to another: whoever reads this has to look at these rows alone.
_BEHIND: Final = f"""
SELECT d.user_id, d.device_id, q.head - {_HOLDS} AS behind, c.seq, c.initial_head, d.last_seen_ms,
  {columns.names([f"d.{column}" for column in columns.DEVICE])}, {_SINCE}
FROM devices AS d
JOIN queues AS q ON q.address = '{addresses.USER}' || d.user_id
JOIN cursors AS c ON c.user_id = d.user_id AND c.device_id = d.device_id AND c.queue_id = q.id
WHERE (d.user_id, d.device_id) > (?, ?) {{up_to}} AND q.head > {_HOLDS}"""  # noqa: S608 (no input)
_UP_TO: Final = "AND (d.user_id, d.device_id) <= (?, ?)"
_SUM: Final = """
SELECT count(*), coalesce(sum(w.behind), 0), min(w.every_ms), min(w.latest_ms)
FROM ({behind}) AS w"""
_WORST: Final = "{behind} ORDER BY behind DESC, d.user_id, d.device_id LIMIT ?"
_LAST_OF: Final = """
SELECT user_id, device_id FROM devices WHERE (user_id, device_id) > (?, ?)
ORDER BY user_id, device_id LIMIT 2 OFFSET ?"""


def users(db: Db, *, prefix: str, after: str, limit: int) -> list[str]:
    """See `Store.users`."""
    of_devices = (after, prefix, prefix + _LAST, limit)
    of_queues = (*map(addresses.of_user, of_devices[:3]), limit)
    return [user for (user,) in db.query(_USERS, (*of_devices, *of_queues, limit))]


def backlog(db: Db, *, after: tuple[str, str], devices: int, worst: int) -> Backlog:
    """See `Store.backlog`."""
    found = db.query(_LAST_OF, (*after, devices - 1))
    # The last of them, if another one comes behind it.
    last = (str(found[0][0]), str(found[0][1])) if len(found) > 1 else None
    behind = _BEHIND.format(up_to=_UP_TO if last else "")
    span = (*after, *(last or ()))
    ((count, positions, *moments),) = db.query(_SUM.format(behind=behind), span)
    rows = db.query(_WORST.format(behind=behind), (*span, worst)) if count and worst else ()
    return Backlog(
        devices=count,
        positions=int(positions),
        since_ms=_earliest(moments),
        worst=[_behind(*row) for row in rows],
        after=last,
    )


def _behind(
    user: str, device: str, positions: int, seq: int, initial_head: int, seen_ms: int, *more: Any
) -> Behind:
    *values, every_ms, latest_ms = more
    return Behind(
        positions=positions,
        since_ms=_earliest((every_ms, latest_ms)),
        device=KnownDevice(
            info=info(user, device, values),
            cursor=seq,
            last_seen_ms=seen_ms,
            initial_head=initial_head,
        ),
    )


def _earliest(moments: Sequence[int | None]) -> int | None:
    return min((int(each) for each in moments if each is not None), default=None)
