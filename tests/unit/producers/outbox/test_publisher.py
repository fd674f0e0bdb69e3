from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

import pytest

from kull_producers import (
    ConnectError,
    NotDeployed,
    Outbox,
    OutboxFull,
    OutboxPublisher,
    PublisherClosed,
    PublishTimeout,
    SyncOutboxPublisher,
    connect,
    connect_sync,
)
from kull_producers.contract.shard import shard_of
from kull_producers.events import topology
from kull_producers.testing import MemoryTransport
from tests.unit.producers.outbox.publishers import (
    FaultyTransport,
    credit,
    credits_of,
    ids,
    publisher_on,
)
from tests.unit.producers.scripted import ScriptedTransport


async def test_a_call_returns_without_rabbitmq_and_its_event_is_published_later(
    tmp_path: Path,
) -> None:
    transport = MemoryTransport()
    transport.down = True
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        assert await credit(publisher, "e-1") == "e-1"
        assert publisher.pending == 1
        transport.down = False
        await publisher.flush(5)
        assert publisher.pending == 0

    assert ids(transport) == ["e-1"]


async def test_opening_waits_for_no_router(tmp_path: Path) -> None:
    transport = FaultyTransport(lambda _: None)
    transport.check_failures = [NotDeployed("no router yet"), ConnectError("away")]
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        await credit(publisher, "e-1")
        await publisher.flush(5)

    assert ids(transport) == ["e-1"]


async def test_what_is_left_is_published_by_the_next_on_the_file_as_it_was_accepted(
    tmp_path: Path,
) -> None:
    down, transport = MemoryTransport(), MemoryTransport()
    down.down = True
    async with publisher_on(tmp_path / "o.db", down, now=lambda: 1_600_000_000.0) as publisher:
        for done in range(3):
            await publisher.shoot_progress(
                user_id="ada",
                shoot_id="s",
                status="processing",
                processed_count=done,
                total_count=3,
                provider="Test",
                idempotency_key=f"e-{done}",
            )
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        await publisher.flush(5)

    assert ids(transport) == ["e-0", "e-1", "e-2"]
    first = transport.messages[0]
    assert json.loads(first.body)["timestamp"] == 1_600_000_000_000
    assert first.headers == {
        topology.HEADER_ADDRESS: "user:ada",
        topology.HEADER_CONTRACT: "latest",
        topology.HEADER_KEY: "shoot:s",
        topology.HEADER_RUN: first.headers[topology.HEADER_RUN],
        topology.HEADER_VERSION: 1,
        topology.HEADER_PROGRESS: 0,
        topology.HEADER_FINAL: False,
        topology.HEADER_LATE: True,
    }
    assert {message.headers[topology.HEADER_RUN] for message in transport.messages} == {
        first.headers[topology.HEADER_RUN]
    }
    assert first.routing_key == f"{shard_of('user:ada', 16):02d}.user.ada.shoot_progress"


async def test_a_prompt_change_is_accepted_for_all_its_users_or_for_none(tmp_path: Path) -> None:
    transport = MemoryTransport()
    transport.down = True
    async with publisher_on(tmp_path / "o.db", transport, max_rows=3) as publisher:
        with pytest.raises(OutboxFull):
            await publisher.prompt_change(prompt_id="p", action="voted", user_ids=list("abcd"))
        assert publisher.pending == 0
        await publisher.prompt_change(prompt_id="p", action="voted", user_ids=list("abc"))
        assert publisher.pending == 3


async def test_flush_gives_up_in_time_and_does_not_wait_for_later_events(tmp_path: Path) -> None:
    transport = ScriptedTransport()
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        await credit(publisher, "e-1")
        with pytest.raises(PublishTimeout, match="1 events are still in the outbox"):
            await publisher.flush(0.05)
        async with asyncio.TaskGroup() as tasks:
            flushing = tasks.create_task(publisher.flush(5), name="flush")
            _, end = await transport.next()
            for _ in range(3):  # until it has looked what it waits for
                await asyncio.sleep(0)
            await credit(publisher, "e-2")
            end.set_result(None)
            await flushing
        assert publisher.pending == 1


async def test_status_tells_the_age_of_the_oldest_and_what_is_wrong(tmp_path: Path) -> None:
    transport = MemoryTransport()
    transport.down = True
    time = 1000.0
    async with publisher_on(tmp_path / "o.db", transport, now=lambda: time) as publisher:
        assert (await publisher.status()).oldest_seconds == 0
        await credit(publisher, "e-1")
        time = 1060.0
        await credit(publisher, "e-2")
        status = await publisher.status()

    assert (status.pending, status.oldest_seconds) == (2, 60)
    assert status.size > 600
    assert "down" in status.problem


async def test_status_tells_that_rabbitmq_takes_nothing(tmp_path: Path) -> None:
    transport = MemoryTransport()
    transport.short = True
    transport.hold.clear()
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        await credit(publisher, "e-1")
        assert "memory or disk is short" in (await publisher.status()).problem
        with pytest.raises(PublishTimeout, match="memory or disk is short"):
            await publisher.flush(0.05)
        transport.short = False
        transport.hold.set()
        await publisher.flush(5)
        assert (await publisher.status()).problem == ""


async def test_closing_tells_how_much_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    transport = MemoryTransport()
    transport.down = True
    with caplog.at_level(logging.WARNING):
        async with publisher_on(tmp_path / "o.db", transport) as publisher:
            await credits_of(publisher, ["e-1", "e-2"])

    assert f"2 events stay in the outbox {tmp_path / 'o.db'}" in caplog.text
    with pytest.raises(PublisherClosed):
        await credit(publisher, "e-3")
    with pytest.raises(PublisherClosed):
        _ = publisher.pending


async def test_a_cancelled_call_counts_if_it_was_accepted(tmp_path: Path) -> None:
    transport = MemoryTransport()
    transport.down = True
    async with publisher_on(tmp_path / "o.db", transport) as publisher:
        call = asyncio.create_task(credit(publisher, "e-1"), name="credit")
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait({call})
        await credit(publisher, "e-2")
        assert publisher.pending == 2
        transport.down = False
        await publisher.flush(5)

    assert ids(transport) == ["e-1", "e-2"]


def test_without_asyncio_it_is_the_same(tmp_path: Path) -> None:
    transport = MemoryTransport()
    transport.down = True
    with SyncOutboxPublisher(publisher_on(tmp_path / "o.db", transport)) as publisher:
        publisher.credit_update(
            user_id="ada", new_balance=1, change=1, reason="Test", idempotency_key="e-1"
        )
        assert publisher.pending == publisher.status().pending == 1
        transport.down = False
        publisher.flush(5)
        assert publisher.retry_refused() == 0

    assert ids(transport) == ["e-1"]


def test_connect_returns_a_publisher_with_an_outbox(tmp_path: Path) -> None:
    url = "amqp://guest:guest@127.0.0.1:1/"
    assert isinstance(connect(url, outbox=tmp_path / "o.db"), OutboxPublisher)
    with connect_sync(url, outbox=Outbox(path=tmp_path / "o.db", close_timeout=0)) as publisher:
        publisher.credit_update(user_id="ada", new_balance=1, change=1, reason="Test")
        assert publisher.pending == 1


@pytest.mark.parametrize("limit", ["max_rows", "max_bytes"])
def test_an_outbox_that_could_hold_nothing_is_refused_by_the_name_of_its_limit(limit: str) -> None:
    with pytest.raises(ValueError, match=limit):
        Outbox(path=Path("outbox.db"), **{limit: 0})


async def test_an_outbox_is_named_by_a_path_or_a_text(tmp_path: Path) -> None:
    async with connect("amqp://127.0.0.1:1/", outbox=str(tmp_path / "outbox.db")) as publisher:
        assert (await publisher.status()).pending == 0
