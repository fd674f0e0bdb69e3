"""Events that are committed with a service's own data, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pytest

from kull_producers import CreditUpdate, PromptChange, ShardCountMismatch
from kull_producers.errors import InvalidEvent, NotRoutable, OutboxLocked
from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_producers.outbox.postgres import PostgresOutbox
from kull_producers.outbox.sql import CREATE_POSTGRES, CREATE_SQLITE, SqlOutbox
from kull_producers.outbox.sql_relay import SqlBacklog, SqlRelay
from kull_producers.outbox.sqlite import SqliteOutbox
from kull_producers.testing import MemoryTransport
from tests.support.until import until


class Service(Protocol):
    """A service's database."""

    def connect(self) -> Any:
        """Return a DB-API connection without autocommit."""
        ...

    def backlog(self) -> SqlBacklog:
        """Return the relay's side of it."""
        ...


class SqliteService:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._db = sqlite3.connect(path)
        self._db.execute("PRAGMA journal_mode = WAL")
        for statement in CREATE_SQLITE:
            self._db.execute(statement)
        self._db.commit()
        self._db.close()

    def connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path)

    def backlog(self) -> SqliteOutbox:
        return SqliteOutbox(self._path)


class PostgresService:
    def __init__(self, url: str) -> None:
        self.url = url
        with psycopg.connect(url) as db:
            for statement in CREATE_POSTGRES:
                db.execute(statement)

    def connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url)

    def backlog(self) -> PostgresOutbox:
        return PostgresOutbox(self.url)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Service:
    if request.param == "sqlite":
        return SqliteService(tmp_path / "service.db")
    return PostgresService(request.getfixturevalue("database_url"))


class PickyTransport(MemoryTransport):
    """Refuses the events with these ids for good."""

    def __init__(self, *bad: str) -> None:
        super().__init__()
        self.bad = set(bad)

    async def publish(self, message: Message) -> None:
        if message.message_id in self.bad:
            raise NotRoutable("no queue")
        await super().publish(message)


def relay_on(
    service: Service, transport: MemoryTransport, *, keep: float = 3600, shard_count: int = 16
) -> SqlRelay:
    return SqlRelay(
        service.backlog(),
        transport,
        shard_count=shard_count,
        poll=0.01,
        keep=keep,
        jitter=lambda: 0.02,
    )


@asynccontextmanager
async def running(relay: SqlRelay) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(relay.run(), name="relay")
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def credit(user: str = "ada") -> CreditUpdate:
    return CreditUpdate(user_id=user, new_balance=1, change=1, reason="Test")


def add(db: Any, key: str, *, user: str = "ada") -> None:
    cursor = db.cursor()
    SqlOutbox().enqueue(cursor, credit(user), idempotency_key=key)
    cursor.close()


def commit_one(service: Service, key: str, *, user: str = "ada") -> None:
    db = service.connect()
    add(db, key, user=user)
    db.commit()
    db.close()


def ids(transport: MemoryTransport) -> list[str]:
    return [message.message_id for message in transport.messages]


def arrived(transport: MemoryTransport, count: int) -> Callable[[], bool]:
    return lambda: len(transport.messages) >= count


async def test_a_committed_event_is_published_and_a_rolled_back_one_is_not(
    service: Service,
) -> None:
    transport = MemoryTransport()
    async with running(relay_on(service, transport)):
        db = service.connect()
        add(db, "rolled-back")
        db.rollback()
        add(db, "committed")
        db.commit()
        db.close()
        await until(arrived(transport, 1))
        commit_one(service, "later")
        await until(arrived(transport, 2))

    assert ids(transport) == ["committed", "later"]
    assert transport.messages[0].headers[topology.HEADER_ADDRESS] == "user:ada"
    assert transport.messages[0].routing_key.endswith(".user.ada.credit_update")


async def test_an_event_for_several_users_is_several_rows_of_one_insert(service: Service) -> None:
    transport = MemoryTransport()
    event = PromptChange(prompt_id="p", action="voted", user_ids=("ada", "bob"))
    async with running(relay_on(service, transport)):
        db = service.connect()
        cursor = db.cursor()
        event_id = SqlOutbox().enqueue(cursor, event)
        assert cursor.rowcount == 2
        db.commit()
        db.close()
        await until(arrived(transport, 2))

    assert ids(transport) == [event_id, event_id]


def test_a_wrong_event_executes_nothing(service: Service) -> None:
    db = service.connect()
    cursor = db.cursor()
    with pytest.raises(InvalidEvent):
        SqlOutbox().enqueue(cursor, credit(), idempotency_key="")
    cursor.execute("SELECT count(*) FROM kull_outbox")
    assert cursor.fetchone()[0] == 0
    db.close()


async def test_a_rows_order_is_the_order_of_its_address(service: Service) -> None:
    keys = [f"{user}-{n:03}" for n in range(300) for user in ("ada", "bob")]
    db = service.connect()
    for key in keys:
        add(db, key, user=key[:3])
    db.commit()
    db.close()
    transport = MemoryTransport()
    async with running(relay_on(service, transport)):
        await until(arrived(transport, 600), seconds=20)

    for user in ("ada", "bob"):
        assert [key for key in ids(transport) if key[:3] == user] == [
            key for key in keys if key[:3] == user
        ]


async def test_a_poison_row_is_set_aside_and_can_be_retried(service: Service) -> None:
    transport = PickyTransport("bad")
    relay = relay_on(service, transport)
    for key in ("e-1", "bad", "e-2"):
        commit_one(service, key)
    db = service.connect()
    db.cursor().execute(
        "INSERT INTO kull_outbox (address, exchange, message_id, type, app_id, headers, body,"
        " accepted_ms) VALUES ('user:eve', 'kull.credit', 'x', 'CREDIT_UPDATE', '', 'no', '', 0)"
    )
    db.commit()
    db.close()
    async with running(relay):
        async with asyncio.timeout(10):
            while (await relay.status()).pending:
                await asyncio.sleep(0.01)
        assert ids(transport) == ["e-1", "e-2"]
        assert (await relay.status()).refused == 2
        transport.bad.clear()
        assert await relay.retry_refused() == 2
        await until(arrived(transport, 3))

    assert ids(transport) == ["e-1", "e-2", "bad"]


async def test_one_relay_is_active_and_the_other_takes_over(service: Service) -> None:
    first, second = MemoryTransport(), MemoryTransport()
    async with running(relay_on(service, first)) as active:
        commit_one(service, "e-1")
        await until(arrived(first, 1))
        async with running(relay_on(service, second)):
            commit_one(service, "e-2")
            await until(arrived(first, 2))
            with pytest.raises(OutboxLocked, match="another relay is active"):
                await service.backlog().read(limit=1, skip=[])
            active.cancel()
            with suppress(asyncio.CancelledError):
                await active
            commit_one(service, "e-3")
            await until(arrived(second, 1), seconds=10)

    assert ids(first) == ["e-1", "e-2"]
    assert ids(second) == ["e-3"]


async def test_sent_rows_are_deleted_after_a_while(service: Service) -> None:
    transport = MemoryTransport()
    commit_one(service, "e-1")

    def rows() -> int:
        db = service.connect()
        cursor = db.cursor()
        cursor.execute("SELECT count(*) FROM kull_outbox")
        count = int(cursor.fetchone()[0])
        db.close()
        return count

    async with running(relay_on(service, transport, keep=0.05)):
        await until(arrived(transport, 1))
        await until(lambda: rows() == 0)


async def test_a_wrong_shard_count_ends_the_relay_and_keeps_the_rows(service: Service) -> None:
    commit_one(service, "e-1")
    with pytest.raises(ShardCountMismatch):
        await relay_on(service, MemoryTransport(), shard_count=4).run()
    transport = MemoryTransport()
    async with running(relay_on(service, transport)):
        await until(arrived(transport, 1))


@pytest.mark.postgres
async def test_transactions_that_commit_out_of_order_lose_nothing(database_url: str) -> None:
    service = PostgresService(database_url)
    transport = MemoryTransport()
    async with running(relay_on(service, transport)):
        early, late = service.connect(), service.connect()
        add(early, "e-1")
        add(late, "e-2", user="bob")
        late.commit()
        await until(arrived(transport, 1))
        early.commit()
        await until(arrived(transport, 2))
        early.close()
        late.close()

    assert ids(transport) == ["e-2", "e-1"]


@pytest.mark.postgres
async def test_a_relay_survives_the_loss_of_its_database_connection(database_url: str) -> None:
    service = PostgresService(database_url)
    transport = MemoryTransport()
    async with running(relay_on(service, transport)):
        commit_one(service, "e-1")
        await until(arrived(transport, 1))
        with psycopg.connect(database_url, autocommit=True) as db:
            db.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'kull-outbox-relay' AND datname = current_database()"
            )
        commit_one(service, "e-2")
        await until(arrived(transport, 2), seconds=10)

    assert list(dict.fromkeys(ids(transport))) == ["e-1", "e-2"]


@pytest.mark.postgres
async def test_an_async_cursor_enqueues_as_well(database_url: str) -> None:
    service = PostgresService(database_url)
    transport = MemoryTransport()
    async with running(relay_on(service, transport)):
        async with await psycopg.AsyncConnection.connect(database_url) as db:
            await SqlOutbox().enqueue_async(db.cursor(), credit(), idempotency_key="e-1")
        await until(arrived(transport, 1))

    assert ids(transport) == ["e-1"]
