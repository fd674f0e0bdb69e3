"""The outbox when its process, or a real RabbitMQ, goes away."""

from __future__ import annotations

import asyncio
import itertools
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kull_producers import NotDeployed, OutboxLocked, OutboxPublisher, connect
from tests.support.audit import audit, deploy
from tests.support.brokers import SHARDS
from tests.support.processes import Processes
from tests.support.rabbitmq import RabbitMQ
from tests.support.until import until

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def child(url: str, path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    command = ["-m", "tests.support.outbox_child", url, str(path), "--shards", str(SHARDS)]
    async with Processes() as processes:
        yield await processes.start_async(
            sys.executable, *command, stdout=asyncio.subprocess.PIPE, cwd=ROOT
        )


async def accepted_until_killed(process: asyncio.subprocess.Process, count: int) -> list[str]:
    """Kill it in the middle, and return every line that it could write."""
    assert process.stdout is not None
    async with asyncio.timeout(30):
        lines = [await process.stdout.readline() for _ in range(count)]
        process.send_signal(signal.SIGKILL)
        lines += (await process.stdout.read()).splitlines(keepends=True)
    return [line.decode().strip() for line in lines if line.endswith(b"\n")]


@pytest.mark.parametrize("rabbitmq_there", [True, False])
async def test_what_a_killed_process_has_accepted_is_published_by_the_next_one(
    amqp_url: str, tmp_path: Path, rabbitmq_there: bool
) -> None:
    await deploy(amqp_url, SHARDS)
    path = tmp_path / "outbox.db"
    nowhere = "amqp://guest:guest@127.0.0.1:1/"
    async with child(amqp_url if rabbitmq_there else nowhere, path) as process:
        lines = await accepted_until_killed(process, 1500)
    async with connect(amqp_url, outbox=path, shard_count=SHARDS) as publisher:
        await publisher.flush(30)

    reported: defaultdict[str, list[str]] = defaultdict(list)
    for line in lines:
        user, key = line.split()
        reported[f"user:{user}"].append(key)
    found = await audit(amqp_url)
    assert len(reported) == 8
    for address, keys in reported.items():
        published = list(dict.fromkeys(found[address]))  # a repeat has the same id
        assert published[: len(keys)] == keys


async def test_a_second_process_on_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    url = "amqp://guest:guest@127.0.0.1:1/"
    async with child(url, path) as process:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            await process.stdout.readline()
        with pytest.raises(OutboxLocked, match="in use by another publisher"):
            await connect(url, outbox=path).__aenter__()


async def emit(publisher: OutboxPublisher, stop: asyncio.Event, emitted: list[str]) -> None:
    """Publish for four users at some 200 per second until told to stop; `emitted` grows."""
    for number in itertools.count():
        for user in ("a", "b", "c", "d"):
            key = f"{user}-{number:06}"
            await publisher.credit_update(
                user_id=user, new_balance=1, change=1, reason="Test", idempotency_key=key
            )
            emitted.append(key)
        if stop.is_set():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it counts for ever")


@pytest.mark.timeout(120)
async def test_an_outage_of_rabbitmq_loses_nothing_and_keeps_the_order(
    private_rabbitmq: RabbitMQ, tmp_path: Path
) -> None:
    await deploy(private_rabbitmq.url, SHARDS)
    stop = asyncio.Event()
    async with connect(
        private_rabbitmq.url, outbox=tmp_path / "outbox.db", shard_count=SHARDS
    ) as publisher:
        emitted: list[str] = []
        emitting = asyncio.create_task(emit(publisher, stop, emitted), name="emit")
        # Two seconds: RabbitMQ 3.10 forgets a queue that it made just before it was killed.
        await until(lambda: len(emitted) - publisher.pending > 400, seconds=30)
        await asyncio.to_thread(private_rabbitmq.kill)
        await until(lambda: publisher.pending > 100, seconds=30)
        assert not emitting.done()
        await asyncio.to_thread(private_rabbitmq.start)
        stop.set()
        await emitting
        await publisher.flush(30)

    found = await audit(private_rabbitmq.url)
    for user in ("a", "b", "c", "d"):
        published = list(dict.fromkeys(found[f"user:{user}"]))
        assert published == [key for key in emitted if key[0] == user]


async def test_a_deployment_that_comes_later_gets_everything(amqp_url: str, tmp_path: Path) -> None:
    async with connect(amqp_url, outbox=tmp_path / "outbox.db", shard_count=SHARDS) as publisher:
        await publisher.credit_update(
            user_id="ada", new_balance=1, change=1, reason="Test", idempotency_key="e-1"
        )
        with pytest.raises(NotDeployed):
            await publisher.check()
        await deploy(amqp_url, SHARDS)
        await publisher.flush(20)
        assert (await publisher.status()).refused == 0

    assert await audit(amqp_url) == {"user:ada": ["e-1"]}
