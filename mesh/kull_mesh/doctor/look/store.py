"""Looks at the routers' store."""

from __future__ import annotations

import time
from typing import Final

from kull_mesh.doctor.facts import ClockSeen, StoreSeen
from kull_mesh.doctor.target import Target
from kull_router.errors import RouterError
from kull_router.queues.sql import schema
from kull_router.queues.sql.db import DatabaseError
from kull_router.queues.sql.location import Location, locate
from kull_router.queues.sql.sqlite import SqliteLocation

_NOW: Final = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"


def look(target: Target) -> tuple[StoreSeen | None, list[ClockSeen]]:
    """Return what is there, and the database's clock if it has one of its own."""
    if not target.has_store:
        return None, []
    if target.router.database_url is None or target.role == "up":
        where: Location = SqliteLocation(target.data / "kull.db")
        return _status(where), []
    try:
        where = locate(target.router)
    except RouterError as error:
        return StoreSeen(where="KULL_DATABASE_URL", problem=str(error)), []
    seen = _status(where)
    return seen, [] if seen.problem else [_clock(where)]


def _status(where: Location) -> StoreSeen:
    try:
        with where.connected() as db:
            found = schema.status(db)
    except (RouterError, DatabaseError) as error:
        return StoreSeen(where=str(where), problem=str(error))
    return StoreSeen(
        where=str(where),
        schema=found.schema,
        pending=found.pending,
        shard_count=found.shard_count,
    )


def _clock(where: Location) -> ClockSeen:
    try:
        with where.connected() as db:
            db.begin_read()
            began = time.time()
            ((told,),) = db.query(_NOW)
            ended = time.time()
            db.rollback()
    except (RouterError, DatabaseError) as error:
        return ClockSeen(whose="the database", problem=str(error))
    middle = (began + ended) / 2
    return ClockSeen(whose="the database", ahead=told / 1000 - middle, within=(ended - began) / 2)
