"""What one test leaves behind is not there for the next one."""

from __future__ import annotations

import asyncio

import httpx
import psycopg
import pytest

from tests.support.audit import deploy
from tests.support.rabbitmq.spare import SpareRabbitMQ
from tests.support.spare_database import SpareDatabase


@pytest.mark.rabbitmq
async def test_a_rabbitmq_is_handed_on_empty_and_answering(spare_rabbitmq: SpareRabbitMQ) -> None:
    first = spare_rabbitmq.take()
    await deploy(first.url, 2)
    first.freeze()
    await asyncio.to_thread(spare_rabbitmq.give_back, first)

    second = spare_rabbitmq.take()
    try:
        assert second is first
        assert httpx.get(f"{second.endpoint.api}/api/queues", timeout=20).json() == []
        await deploy(second.url, 4)  # another shard count: nothing is known of the first
    finally:
        await asyncio.to_thread(second.kill)
        spare_rabbitmq.give_back(second)
    assert not second.running


@pytest.mark.rabbitmq
def test_a_rabbitmq_that_was_killed_is_not_handed_on(spare_rabbitmq: SpareRabbitMQ) -> None:
    first = spare_rabbitmq.take()
    first.kill()
    spare_rabbitmq.give_back(first)

    second = spare_rabbitmq.take()
    spare_rabbitmq.give_back(second)
    assert second is not first
    assert second.running


@pytest.mark.postgres
def test_a_database_is_handed_on_empty_and_without_connections(
    spare_database: SpareDatabase,
) -> None:
    first = spare_database.take()
    with psycopg.connect(first, autocommit=True) as left:
        left.execute("CREATE TABLE theirs (x int); CREATE SCHEMA theirs")
        spare_database.give_back(first)

        second = spare_database.take()
        assert second == first
        with psycopg.connect(second) as db:
            tables = db.execute("SELECT count(*) FROM pg_tables WHERE schemaname !~ '^pg_|^inf'")
            assert tables.fetchone() == (0,)
            schemas = db.execute("SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_|^inf'")
            assert schemas.fetchall() == [("public",)]
        spare_database.give_back(second)
        with pytest.raises(psycopg.OperationalError):
            left.execute("SELECT 1")
