"""RabbitMQ or PostgreSQL silent: connected, and neither answering nor hanging up. And back again.

Processes are stopped (their kernel still acknowledges what is sent), or a proxy swallows everything
(an unplugged cable). Longer than RabbitMQ's heartbeats in either case.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest

from kull_gateway import service_token
from kull_producers import (
    ConnectError,
    CreditUpdate,
    NoAnswer,
    OutboxPublisher,
    Publisher,
    PublishTimeout,
    connect,
    connect_sync,
)
from kull_producers.errors import OutboxError
from kull_producers.outbox.postgres import PostgresOutbox
from kull_producers.outbox.publisher import Outbox
from kull_producers.outbox.sql import CREATE_SQLITE, SqlOutbox
from kull_producers.outbox.sql_relay import SqlRelay
from kull_producers.outbox.sqlite import SqliteOutbox
from kull_producers.publishing.rabbitmq import HEARTBEAT, RabbitTransport
from kull_producers.testing import MemoryTransport
from tests.integration.test_gateway import SECRET, gateway, until_ready
from tests.support.audit import audit, deploy
from tests.support.brokers import SHARDS
from tests.support.ports import free_port
from tests.support.postgres import Postgres
from tests.support.rabbitmq import RabbitMQ
from tests.support.tcp_proxy import TcpProxy
from tests.support.until import until

SHORT = 2  # seconds between heartbeats
NOTICED = 15.0  # seconds within which silence is noticed at that pace
DRAINED = 40.0  # seconds within which an outbox is empty when RabbitMQ is back; machines are shared
OURS = {PublishTimeout, ConnectError, NoAnswer}
USERS = ("ada", "bob", "cleo")
pytestmark = pytest.mark.timeout(150)


class Broker(Protocol):
    """A RabbitMQ that can fall silent."""

    url: str  # for the clients
    behind: str  # for the test itself

    async def silence(self) -> None:
        """Let it be silent."""
        ...

    async def restore(self) -> None:
        """Let it answer again."""
        ...


class Stopped:
    def __init__(self, rabbitmq: RabbitMQ) -> None:
        self.url = self.behind = rabbitmq.url
        self._rabbitmq = rabbitmq

    async def silence(self) -> None:
        self._rabbitmq.freeze()

    async def restore(self) -> None:
        self._rabbitmq.thaw()


class Unplugged:
    def __init__(self, url: str, proxy: TcpProxy) -> None:
        parts = urlsplit(url)
        self.behind = url
        self.url = url.replace(f"{parts.hostname}:{parts.port}", f"127.0.0.1:{proxy.port}")
        self._proxy = proxy

    async def silence(self) -> None:
        self._proxy.silence()

    async def restore(self) -> None:
        self._proxy.restore()


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture(params=["stopped", "unplugged"])
async def broker(request: pytest.FixtureRequest, stack: AsyncExitStack) -> Broker:
    found: Broker
    if request.param == "stopped":
        found = Stopped(request.getfixturevalue("private_rabbitmq"))
    else:
        url: str = request.getfixturevalue("amqp_url")
        parts = urlsplit(url)
        assert parts.hostname
        proxy = await stack.enter_async_context(TcpProxy(parts.hostname, parts.port or 5672))
        found = Unplugged(url, proxy)
    await deploy(found.behind, SHARDS)
    return found


def transport(url: str) -> RabbitTransport:
    return RabbitTransport(url, heartbeat=SHORT, answer_timeout=1.0)


async def credit(publisher: Publisher, user: str, number: int) -> None:
    await publisher.credit_update(
        user_id=user,
        new_balance=number,
        change=1,
        reason="Test",
        idempotency_key=f"{user}-{number:03}",
    )


async def published(url: str) -> dict[str, list[str]]:
    """Return the ids of each address in their order, repeats left out."""
    found = await audit(url)
    return {address: list(dict.fromkeys(ids)) for address, ids in found.items()}


def expected(count: int) -> dict[str, list[str]]:
    return {f"user:{user}": [f"{user}-{n:03}" for n in range(count)] for user in USERS}


async def through_silence(publisher: OutboxPublisher, broker: Broker, *, noticed: float) -> None:
    """Publish before, during and after; return when all is confirmed."""

    async def problem() -> str:
        return (await publisher.status()).problem

    for number in range(20):
        for user in USERS:
            await credit(publisher, user, number)
    await publisher.flush(10)
    await broker.silence()
    for number in range(20, 60):
        for user in USERS:
            await credit(publisher, user, number)
    await until(problem, seconds=noticed)
    assert publisher.pending == 40 * len(USERS)
    await broker.restore()
    for user in USERS:
        await credit(publisher, user, 60)
    await publisher.flush(DRAINED)
    assert await problem() == ""
    assert (await publisher.status()).refused == 0


async def test_an_outbox_says_so_and_drains_in_order_when_rabbitmq_is_back(
    broker: Broker, tmp_path: Path
) -> None:
    outbox = Outbox(path=tmp_path / "o.db")
    async with OutboxPublisher(transport(broker.url), outbox, shard_count=SHARDS) as publisher:
        await through_silence(publisher, broker, noticed=NOTICED)

    assert await published(broker.behind) == expected(61)


@pytest.mark.timeout(180)
async def test_it_is_so_with_the_heartbeats_and_time_outs_that_everybody_has(
    private_rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    """Silent for longer than the 33 s after which the client library cancels its callers."""
    broker = Stopped(private_rabbitmq)
    await deploy(broker.url, SHARDS)
    async with connect(broker.url, outbox=tmp_path / "o.db", shard_count=SHARDS) as publisher:
        for number in range(3):
            await credit(publisher, "ada", number)
        await publisher.flush(10)
        began = time.monotonic()
        await broker.silence()
        await credit(publisher, "ada", 3)
        while time.monotonic() - began < 40:
            if time.monotonic() - began > 2 * HEARTBEAT:
                assert (await publisher.status()).problem != ""
            await asyncio.sleep(1)
        await broker.restore()
        await publisher.flush(DRAINED)
        assert (await publisher.status()).problem == ""

    assert (await published(broker.url))["user:ada"] == [f"ada-{n:03}" for n in range(4)]


async def test_without_an_outbox_callers_get_our_errors_and_then_their_events_through(
    broker: Broker,
) -> None:
    async with Publisher(transport(broker.url), shard_count=SHARDS, timeout=2) as publisher:
        await credit(publisher, "ada", 0)
        await broker.silence()
        outcomes: list[BaseException | None] = []
        end = time.monotonic() + 4 * SHORT
        while time.monotonic() < end:
            calls = [credit(publisher, user, 1) for user in USERS]
            async with asyncio.timeout(5):
                outcomes += await asyncio.gather(*calls, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} <= OURS
        assert len(outcomes) >= 2 * len(USERS)

        await broker.restore()
        async with asyncio.timeout(DRAINED):
            while True:
                try:
                    await credit(publisher, "ada", 1)
                    break
                except (PublishTimeout, ConnectError):
                    continue
        await credit(publisher, "ada", 2)

    assert (await published(broker.behind))["user:ada"] == ["ada-000", "ada-001", "ada-002"]


@pytest.mark.timeout(180)
async def test_code_without_asyncio_gets_our_errors_too(private_rabbitmq: RabbitMQ) -> None:
    """With the heartbeats that everybody has, and beyond the library's own patience."""
    await deploy(private_rabbitmq.url, SHARDS)

    def work() -> set[type[BaseException]]:
        met: set[type[BaseException]] = set()
        with connect_sync(private_rabbitmq.url, shard_count=SHARDS, timeout=3) as publisher:

            def tell(key: str) -> None:
                publisher.credit_update(
                    user_id="ada", new_balance=1, change=1, reason="Test", idempotency_key=key
                )

            tell("before")
            private_rabbitmq.freeze()
            end = time.monotonic() + 40
            while time.monotonic() < end:
                try:
                    tell("meanwhile")
                except Exception as error:
                    met.add(type(error))
            private_rabbitmq.thaw()
            end = time.monotonic() + DRAINED
            while True:
                try:
                    tell("after")
                    return met
                except (ConnectError, PublishTimeout):
                    assert time.monotonic() < end

    met = await asyncio.to_thread(work)

    assert met <= OURS
    found = (await published(private_rabbitmq.url))["user:ada"]
    assert [key for key in found if key != "meanwhile"] == ["before", "after"]


async def test_the_relay_of_a_service_s_table_drains_in_order_when_rabbitmq_is_back(
    broker: Broker, tmp_path: Path
) -> None:
    path = tmp_path / "service.db"
    with closing(sqlite3.connect(path)) as db:
        for statement in CREATE_SQLITE:
            db.execute(statement)

    def commit(numbers: range) -> None:
        with closing(sqlite3.connect(path)) as db, db:
            for number in numbers:
                for user in USERS:
                    event = CreditUpdate(user_id=user, new_balance=number, change=1, reason="Test")
                    SqlOutbox().enqueue(db.cursor(), event, idempotency_key=f"{user}-{number:03}")

    relay = SqlRelay(SqliteOutbox(path), transport(broker.url), shard_count=SHARDS, poll=0.02)
    running = asyncio.create_task(relay.run(), name="relay")

    async def problem() -> str:
        return (await relay.status()).problem

    async def drained() -> None:
        async with asyncio.timeout(DRAINED):
            while (await relay.status()).pending:
                await asyncio.sleep(0.05)

    try:
        commit(range(20))
        await drained()
        await broker.silence()
        commit(range(20, 60))
        await until(problem, seconds=NOTICED)
        await broker.restore()
        await drained()
        assert await problem() == ""
    finally:
        running.cancel()
        await asyncio.wait({running}, timeout=10)

    assert running.cancelled()
    assert await published(broker.behind) == expected(60)


@pytest.mark.timeout(120)
async def test_a_relay_whose_postgresql_is_silent_says_so_and_goes_on_when_it_is_back(
    private_postgres: Postgres,
) -> None:
    backlog = PostgresOutbox(private_postgres.url)
    await backlog.create_table()
    confirmed = MemoryTransport()
    relay = SqlRelay(backlog, confirmed, poll=0.05)
    running = asyncio.create_task(relay.run(), name="relay")

    def commit(key: str) -> None:
        with psycopg.connect(private_postgres.url) as db:
            event = CreditUpdate(user_id="ada", new_balance=1, change=1, reason="Test")
            SqlOutbox().enqueue(db.cursor(), event, idempotency_key=key)

    async def problem() -> str:
        try:
            return (await relay.status()).problem
        except OutboxError as error:
            return str(error)

    try:
        commit("e-1")
        await until(lambda: len(confirmed.messages) == 1)
        private_postgres.freeze()
        await until(problem, seconds=40)
        private_postgres.thaw()
        await asyncio.to_thread(commit, "e-2")
        await until(lambda: len(confirmed.messages) >= 2, seconds=DRAINED)
        assert await problem() == ""
    finally:
        private_postgres.thaw()
        running.cancel()
        await asyncio.wait({running}, timeout=10)

    assert running.cancelled()
    assert list(dict.fromkeys(m.message_id for m in confirmed.messages)) == ["e-1", "e-2"]


async def test_the_gateway_answers_503_and_then_202(broker: Broker, stack: AsyncExitStack) -> None:
    port = free_port()
    await stack.enter_async_context(gateway(broker.url, port, KULL_SHARD_COUNT=str(SHARDS)))
    client = await stack.enter_async_context(
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10)
    )
    await until_ready(client)

    async def post(key: str) -> int:
        answer = await client.post(
            "/api/sync/credit-update",
            json={"userId": "ada", "newBalance": 5, "change": 5, "reason": "Test"},
            headers={"Authorization": f"Bearer {service_token(SECRET)}", "Idempotency-Key": key},
        )
        return answer.status_code

    assert await post("before") == httpx.codes.ACCEPTED
    await broker.silence()
    codes = []
    end = time.monotonic() + 2 * HEARTBEAT  # silence is noticed after one and a half
    while time.monotonic() < end:
        codes.append(await post("meanwhile"))
    assert set(codes) == {httpx.codes.SERVICE_UNAVAILABLE}
    assert (await client.get("/readyz")).status_code == httpx.codes.SERVICE_UNAVAILABLE
    await broker.restore()
    async with asyncio.timeout(DRAINED):
        while await post("after") != httpx.codes.ACCEPTED:
            pass
    await until_ready(client)

    found = (await published(broker.behind))["user:ada"]
    assert [key for key in found if key != "meanwhile"] == ["before", "after"]
