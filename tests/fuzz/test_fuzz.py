"""A short run of each target; `python -m tests.fuzz` is the long one."""

from __future__ import annotations

import pytest

from kull_router.errors import BadEvent
from kull_router.queues.entry import Contract
from kull_router.queues.sql.postgres import PostgresStore
from tests.fuzz import amqp, websocket

SEEDS = (1, 2)


@pytest.mark.parametrize("seed", SEEDS)
def test_no_message_breaks_a_router(seed: int) -> None:
    report = amqp.fuzz(5_000, seed)

    assert report.errors == []
    assert min(report.events, report.moved, report.buried) > 100  # it is not all nonsense


@pytest.mark.postgres
@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_is_read_as_an_event_postgres_takes(seed: int, database_url: str) -> None:
    read = [each for each in amqp.fuzz(5_000, seed).read if each.contract is not Contract.EPHEMERAL]
    store = await PostgresStore.open(database_url, shard_count=amqp.SHARDS)
    try:
        await store.claim(0, "router-1")
        bad = 0
        for start in range(0, len(read), 50):
            part = read[start : start + 50]
            while part:
                try:
                    assert len(await store.append(0, 1, part, amqp.NOW_MS)) == len(part)
                    break
                except BadEvent as error:  # named: the shard buries it
                    del part[error.index]
                    bad += 1
        assert len(read) - bad > 100
    finally:
        await store.aclose()


@pytest.mark.parametrize("seed", SEEDS)
async def test_no_device_breaks_an_edge_or_disturbs_another(seed: int) -> None:
    report = await websocket.fuzz(3_000, seed)

    assert report.errors == []
    assert report.left_over == 0
    assert report.opened > 1_000
