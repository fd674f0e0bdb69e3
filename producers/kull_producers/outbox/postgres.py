"""The table `kull_outbox` in a service's PostgreSQL, for the relay.

Needs `kull-producers[postgres]`. The relay polls: a NOTIFY in each of the service's transactions
would make their commits wait for each other, because PostgreSQL takes one lock for all that
notify.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Any, Final

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.conninfo import make_conninfo

from kull_producers.errors import OutboxError, OutboxLocked
from kull_producers.outbox.row import COLUMNS, OutboxRow, row_of
from kull_producers.outbox.sql import CREATE_POSTGRES

_LIST: Final = ", ".join(COLUMNS)
_WAITING: Final = "sent_ms IS NULL AND refused IS NULL"
# Per table, so that services with schemas of their own do not stand by for each other.
_LOCK: Final = (
    "SELECT pg_try_advisory_lock("
    "hashtextextended('kull_outbox', 'kull_outbox'::regclass::oid::bigint))"
)
_PATIENCE: Final = 10  # seconds that the server tries for
_SILENCE: Final = 15.0  # seconds without a word after which it counts as lost
# A server whose cable was unplugged lets go of the lock of a connection that is gone.
_OPTIONS: Final = (
    f"-c statement_timeout={_PATIENCE}s "
    "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
)
_KEEPALIVES: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": int(_SILENCE * 1000),
}


class _Connection(psycopg.AsyncConnection[Any]):
    """Gives up on a server that is silent; `statement_timeout` needs one that lives."""

    async def wait(
        self,
        gen: PQGen[RV],
        interval: float = 0.1,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> RV:
        try:
            return await super().wait(gen, interval, timeout or _SILENCE)
        except psycopg.OperationalError as error:
            if error.sqlstate is None:  # not the server's word: the connection is of no use
                await self.close()
            raise


class PostgresOutbox:
    """Implements `sql_relay.SqlBacklog`.

    All goes over one connection, which holds an advisory lock: a relay that has lost the lock has
    lost the connection as well, and cannot change anything.

    Args:
        url: `postgresql://user:password@host/database`; not through a pooler that shares sessions.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._db: _Connection | None = None
        self._turn = asyncio.Lock()

    async def create_table(self) -> None:
        """Create the table and its indexes unless they exist."""
        try:
            async with await psycopg.AsyncConnection.connect(self._conninfo()) as db:
                # Two that create it at once would collide.
                await db.execute("SELECT pg_advisory_xact_lock(hashtext('kull_outbox'))")
                for statement in CREATE_POSTGRES:
                    await db.execute(statement)
        except psycopg.Error as error:
            raise _explained(error) from error

    async def read(self, *, limit: int, skip: Collection[str]) -> list[OutboxRow]:
        """See `Backlog.read`."""
        rows = await self._query(
            f"SELECT id, {_LIST} FROM kull_outbox WHERE {_WAITING}"  # noqa: S608
            " AND address <> ALL(%s) ORDER BY id LIMIT %s",
            (list(skip), limit),
        )
        return [row_of(values) for values in rows]

    async def sent(self, ids: Sequence[int], sent_ms: int) -> None:
        """See `SqlBacklog.sent`."""
        await self._change(
            "UPDATE kull_outbox SET sent_ms = %s WHERE id = ANY(%s) AND sent_ms IS NULL",
            (sent_ms, list(ids)),
        )

    async def refuse(self, row: OutboxRow, reason: str) -> None:
        """See `Backlog.refuse`."""
        await self._change("UPDATE kull_outbox SET refused = %s WHERE id = %s", (reason, row.id))

    async def retry_refused(self) -> int:
        """See `SqlBacklog.retry_refused`."""
        return await self._change(
            "UPDATE kull_outbox SET refused = NULL WHERE refused IS NOT NULL", ()
        )

    async def delete_sent(self, before_ms: int, limit: int) -> int:
        """See `SqlBacklog.delete_sent`."""
        return await self._change(
            "DELETE FROM kull_outbox WHERE id IN"
            " (SELECT id FROM kull_outbox WHERE sent_ms < %s LIMIT %s)",
            (before_ms, limit),
        )

    async def count(self) -> tuple[int, int, int | None]:
        """See `SqlBacklog.count`."""
        rows = await self._query(
            f"SELECT count(*) FILTER (WHERE {_WAITING}), count(refused),"  # noqa: S608
            f" min(accepted_ms) FILTER (WHERE {_WAITING}) FROM kull_outbox WHERE sent_ms IS NULL",
            (),
        )
        waiting, refused, oldest_ms = rows[0]
        return waiting, refused, oldest_ms

    async def aclose(self) -> None:
        """See `SqlBacklog.aclose`."""
        async with self._turn:
            await self._disconnect()

    async def _query(self, query: Any, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        async with self._turn:
            cursor = await self._execute(query, parameters)
            return await cursor.fetchall()

    async def _change(self, query: Any, parameters: Sequence[Any]) -> int:
        async with self._turn:
            return (await self._execute(query, parameters)).rowcount

    async def _execute(self, query: Any, parameters: Sequence[Any]) -> psycopg.AsyncCursor[Any]:
        try:
            db = await self._connected()
            return await db.execute(query, parameters)
        except psycopg.Error as error:
            raise _explained(error) from error

    async def _connected(self) -> _Connection:
        if self._db is None or self._db.closed:
            await self._disconnect()
            self._db = await _Connection.connect(
                self._conninfo(application_name="kull-outbox-relay", options=_OPTIONS),
                autocommit=True,
            )
            await self._take_lock(self._db)
        return self._db

    def _conninfo(self, **more: str) -> str:
        return make_conninfo(self._url, **_KEEPALIVES, **more)

    async def _take_lock(self, db: _Connection) -> None:
        row = await (await db.execute(_LOCK)).fetchone()
        if row is None or not row[0]:
            await self._disconnect()
            raise OutboxLocked("another relay is active on this database")

    async def _disconnect(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            await db.close()


def _explained(error: psycopg.Error) -> OutboxError:
    if isinstance(error, psycopg.errors.UndefinedTable):
        return OutboxError(
            "the database has no table kull_outbox: create it with outbox_sql.CREATE_POSTGRES"
        )
    return OutboxError(f"the outbox's database cannot be used: {error}")
