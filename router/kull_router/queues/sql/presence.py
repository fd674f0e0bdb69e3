"""Who was there, by SQL: what `SqlStore` promises as a `PresenceLog`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from operator import attrgetter
from typing import Final

from kull_router.queues.presence_log import Told
from kull_router.queues.sql import columns
from kull_router.queues.sql.db import Db
from kull_router.queues.sql.terms import fenced

_COLUMNS: Final = columns.names(columns.TOLD)
_MARKS: Final = ", ".join("?" * (3 + len(columns.TOLD)))
_KEEP: Final = (
    f"INSERT INTO presence (shard, user_id, device_id, {_COLUMNS}) VALUES ({_MARKS}) "  # noqa: S608
    "ON CONFLICT (user_id, device_id) DO UPDATE SET shard = excluded.shard, "
    f"{columns.overwritten(columns.TOLD)}"
)
_FORGET: Final = "DELETE FROM presence WHERE user_id = ? AND device_id = ?"
_OF_SHARD: Final = (
    f"SELECT user_id, device_id, {_COLUMNS} FROM presence "  # noqa: S608 (no input)
    "WHERE shard = ? ORDER BY user_id, device_id"
)
_SEEN: Final = (
    "SELECT d.user_id, max(d.last_seen_ms) FROM {wanted} "
    "JOIN devices AS d ON d.user_id = wanted.column1 GROUP BY d.user_id"
)
_values: Final = attrgetter(*columns.TOLD)


def tell(db: Db, shard: int, term: int, words: Sequence[Told]) -> None:
    """See `PresenceLog.tell`. Runs in the writer's thread."""
    (refused,) = fenced(db, [(shard, term)])
    if refused:
        raise refused
    for word in words:
        if word.told and not word.online:
            db.execute(_FORGET, (word.user, word.device))
        else:
            db.execute(_KEEP, (shard, word.user, word.device, *_values(word)))


def told(db: Db, shard: int) -> list[Told]:
    """See `PresenceLog.told`. Runs on a reader."""
    return [_told(user, device, values) for user, device, *values in db.query(_OF_SHARD, (shard,))]


def _told(user: str, device: str, values: Sequence[object]) -> Told:
    kept = dict(zip(columns.TOLD, values, strict=True))
    kept |= {name: bool(kept[name]) for name in ("online", "told")}  # SQLite gives numbers
    return Told(user=user, device=device, **kept)  # type: ignore[arg-type]


def last_seen(db: Db, users: Collection[str]) -> dict[str, int]:
    """See `PresenceLog.last_seen`. Runs on a reader."""
    return {user: int(seen) for user, seen in db.look_up(_SEEN, [(user,) for user in set(users)])}
