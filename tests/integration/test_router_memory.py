"""How much memory a router takes while its database does not answer: bounded in bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

import psycopg
import pytest

from kull_producers.events import topology
from kull_producers.events.address import routing_key
from kull_producers.events.message import Message
from kull_router.broker.port import KEPT
from kull_router.broker.rabbitmq import RabbitBroker
from tests.support.brokers import take
from tests.support.mesh import Mesh
from tests.support.postgres import Postgres
from tests.support.rabbitmq import RabbitMQ

pytestmark = [pytest.mark.timeout(180), pytest.mark.rabbitmq, pytest.mark.postgres]
SHARDS: Final = 16
MIB: Final = 2**20
BUDGET: Final = 32 * MIB  # of KULL_PREFETCH_BYTES
SLACK: Final = 60 * MIB  # frames on their way, copies in a batch, what Python keeps
EVENT: Final = 60_000  # bytes; the largest has 64 KiB
HUGE: Final = 30 * 10**6  # bytes


def credit(number: int, size: int) -> Message:
    """Return a credit event of about `size` bytes for a user of its own."""
    user = f"user-{number}"
    reason = "x" * size
    body = (
        f'{{"id":"e-{number}","type":"CREDIT_UPDATE","data":{{"newBalance":1,"change":1,'
        f'"reason":"{reason}"}},"timestamp":1,"deviceId":"server","userId":"{user}"}}'
    )
    return Message(
        exchange=topology.CREDIT,
        routing_key=routing_key(f"user:{user}", SHARDS, "credit_update"),
        body=body.encode(),
        message_id=f"e-{number}",
        type="CREDIT_UPDATE",
        app_id="billing",
        headers={topology.HEADER_ADDRESS: f"user:{user}", topology.HEADER_CONTRACT: "every"},
    )


def peak(pid: int) -> int:
    """Return the most memory that a process has had, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [kib] = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(kib) * 1024


class Rig:
    """One router on a RabbitMQ and a PostgreSQL of its own."""

    def __init__(self, mesh: Mesh, rabbitmq: RabbitMQ, postgres: Postgres) -> None:
        self.mesh = mesh
        self._rabbitmq = rabbitmq
        self.postgres = postgres

    @asynccontextmanager
    async def publisher(self) -> AsyncIterator[RabbitBroker]:
        broker = RabbitBroker(self._rabbitmq.url, name="test")
        await broker.start(SHARDS)
        try:
            yield broker
        finally:
            await broker.aclose()

    @asynccontextmanager
    async def frozen(self) -> AsyncIterator[None]:
        self.postgres.freeze()
        try:
            yield
        finally:
            self.postgres.thaw()

    def count(self, sql: str) -> int:
        with psycopg.connect(self.postgres.url) as db:
            row = db.execute(sql).fetchone()
        assert row is not None
        return int(row[0])

    async def until_owned(self) -> None:
        async with asyncio.timeout(60):
            while await asyncio.to_thread(self.mesh.owned, 0) < SHARDS:
                await asyncio.sleep(0.1)

    async def until_stored(self, events: int) -> None:
        async with asyncio.timeout(90):
            while await asyncio.to_thread(self.count, "SELECT count(*) FROM entries") < events:
                await asyncio.sleep(0.2)


@pytest.fixture
def rig(tmp_path: Path, private_rabbitmq: RabbitMQ, private_postgres: Postgres) -> Iterator[Rig]:
    mesh = Mesh(
        private_rabbitmq.url,
        tmp_path,
        edges=0,
        database_url=private_postgres.url,
        KULL_SHARD_COUNT=str(SHARDS),
        KULL_PREFETCH_BYTES=str(BUDGET),
    )
    with mesh:
        mesh.start()
        yield Rig(mesh, private_rabbitmq, private_postgres)


async def test_bodies_of_30_mb_cost_a_router_no_memory_and_are_buried(rig: Rig) -> None:
    await rig.until_owned()
    before = peak(rig.mesh.router.pid)
    body = bytes(HUGE)
    async with rig.publisher() as broker, rig.frozen():
        await broker.publish(credit(0, 100))
        for number in range(1, 41):
            await broker.publish(replace(credit(number, 1), body=body))
        await asyncio.sleep(2.0)  # so long the router may read; it must not
        assert peak(rig.mesh.router.pid) - before < SLACK

    async with rig.publisher() as broker:
        await rig.until_stored(1)
        channel = await broker.consume(topology.DEAD, single_active=False, prefetch=50)
        buried = await take(channel, 40)
        assert {delivery.message.message_id for delivery in buried} == {
            f"e-{number}" for number in range(1, 41)
        }
        for delivery in buried:
            assert str(HUGE) in str(delivery.message.headers[topology.HEADER_REASON])
            assert len(delivery.message.body) == KEPT
    assert peak(rig.mesh.router.pid) - before < SLACK


async def test_a_router_reads_no_more_than_it_may_hold_and_all_of_it_in_the_end(rig: Rig) -> None:
    await rig.until_owned()
    before = peak(rig.mesh.router.pid)
    count = 5 * BUDGET // EVENT
    async with rig.publisher() as broker:
        async with rig.frozen():
            for number in range(0, count, 100):
                batch = (credit(each, EVENT) for each in range(number, number + 100))
                await asyncio.gather(*map(broker.publish, batch))
            await asyncio.sleep(2.0)  # so long the router may read; it must not
            assert peak(rig.mesh.router.pid) - before < BUDGET + SLACK
        await rig.until_stored(-(-count // 100) * 100)
    assert peak(rig.mesh.router.pid) - before < 3 * BUDGET + SLACK  # and the copies for the store
