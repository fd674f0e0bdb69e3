"""An outbox in a service's own database: an event is committed with what it tells of.

`SqlOutbox.enqueue` adds rows within the caller's transaction, so that a rollback takes the event
back as well. `sql_relay.SqlRelay` publishes what was committed.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, Protocol

from kull_producers.contract.shard import DEFAULT_SHARD_COUNT
from kull_producers.events.envelope import messages_of
from kull_producers.events.event import Event
from kull_producers.events.message import Message
from kull_producers.events.stamp import Stamper
from kull_producers.outbox.row import COLUMNS, values_of
from kull_producers.publishing.publisher import DEFAULT_APP_ID

CREATE_POSTGRES: Final = (
    """CREATE TABLE IF NOT EXISTS kull_outbox (
  id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  address TEXT NOT NULL,
  exchange TEXT NOT NULL,
  message_id TEXT NOT NULL,
  type TEXT NOT NULL,
  app_id TEXT NOT NULL,
  headers TEXT NOT NULL,
  body BYTEA NOT NULL,
  accepted_ms BIGINT NOT NULL,
  sent_ms BIGINT,
  refused TEXT
)""",
    """CREATE INDEX IF NOT EXISTS kull_outbox_waiting ON kull_outbox (id)
  WHERE sent_ms IS NULL AND refused IS NULL""",
    """CREATE INDEX IF NOT EXISTS kull_outbox_sent ON kull_outbox (sent_ms)
  WHERE sent_ms IS NOT NULL""",
)
CREATE_SQLITE: Final = (
    CREATE_POSTGRES[0]
    .replace("BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "INTEGER PRIMARY KEY AUTOINCREMENT")
    .replace("BYTEA", "BLOB")
    .replace("BIGINT", "INTEGER"),
    *CREATE_POSTGRES[1:],
)
_INSERT: Final = f"INSERT INTO kull_outbox ({', '.join(COLUMNS)}) VALUES "  # noqa: S608


class Cursor(Protocol):
    """What is needed of a DB-API cursor: psycopg, psycopg2 or sqlite3."""

    def execute(self, query: Any, parameters: Any, /) -> object:
        """Run one statement."""
        ...


class AsyncCursor(Protocol):
    """What is needed of an asynchronous cursor: psycopg or aiosqlite."""

    def execute(self, query: Any, parameters: Any, /) -> Awaitable[object]:
        """Run one statement."""
        ...


class SqlOutbox:
    """Turns events into rows of the table `kull_outbox`. Any thread may use it.

    The events of one address are published in the order of their row ids. Two transactions that
    run at the same time get these in any order: lock what the events tell of (the user's balance)
    before enqueueing, as a service does that changes it.

    Args:
        app_id: the service that publishes: idempotency keys are unique within it.
        now: seconds since the Unix epoch.
        randomness: returns that many random bytes, for ids.
    """

    def __init__(
        self,
        *,
        app_id: str = DEFAULT_APP_ID,
        now: Callable[[], float] = time.time,
        randomness: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._now = now
        self._stamper = Stamper(now=now, randomness=randomness, app_id=app_id, process=os.getpid)
        self._lock = threading.Lock()

    def enqueue(
        self,
        cursor: Cursor,
        event: Event,
        *,
        user_id: str | None = None,
        room: str | None = None,
        everybody: bool = False,
        idempotency_key: str | None = None,
        traceparent: str = "",
    ) -> str:
        """Add an event to the caller's transaction with one INSERT, and return its id.

        Args:
            cursor: whatever it raises comes through.
            event: what happened.
            user_id: whom it is for, if its fields do not say so.
            room: instead of a user or everybody, tell those who follow this room.
            everybody: instead of a user, tell all, if the event's type may be for everybody.
            idempotency_key: the event's id, 1 to 128 characters; a new one unless given.
            traceparent: W3C trace context that travels along.

        Raises:
            InvalidEvent: a field is wrong; nothing was executed.
        """
        build = partial(messages_of, event, user_id=user_id, room=room, everybody=everybody)
        event_id, rows = self._rows(build, idempotency_key, traceparent)
        cursor.execute(*_insert(cursor, rows))
        return event_id

    async def enqueue_async(
        self,
        cursor: AsyncCursor,
        event: Event,
        *,
        user_id: str | None = None,
        room: str | None = None,
        everybody: bool = False,
        idempotency_key: str | None = None,
        traceparent: str = "",
    ) -> str:
        """See `enqueue`."""
        build = partial(messages_of, event, user_id=user_id, room=room, everybody=everybody)
        event_id, rows = self._rows(build, idempotency_key, traceparent)
        await cursor.execute(*_insert(cursor, rows))
        return event_id

    def _rows(
        self,
        build: Callable[..., list[Message]],
        event_id: str | None,
        traceparent: str,
    ) -> tuple[str, list[tuple[Any, ...]]]:
        with self._lock:
            stamp = self._stamper.stamp(event_id, traceparent=traceparent)
        # The relay knows the shard count. It computes the routing keys, which no row holds.
        messages = build(stamp, shard_count=DEFAULT_SHARD_COUNT)
        accepted_ms = int(self._now() * 1000)
        return stamp.id, [values_of(message, accepted_ms) for message in messages]


def _insert(cursor: object, rows: Sequence[tuple[Any, ...]]) -> tuple[str, list[Any]]:
    mark = "?" if "sqlite" in type(cursor).__module__ else "%s"
    values = f"({', '.join([mark] * len(COLUMNS))})"
    return _INSERT + ", ".join([values] * len(rows)), [value for row in rows for value in row]
