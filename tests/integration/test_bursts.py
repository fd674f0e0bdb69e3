"""Bursts on a real RabbitMQ: what travels together, what third parties see, a router's death."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractQueue

from kull_producers import Publisher, connect
from kull_producers.contract.shard import DEFAULT_SHARD_COUNT
from kull_producers.events import batch, topology
from kull_producers.events.envelope import messages_of
from kull_producers.events.message import Message
from kull_producers.events.models import CreditUpdate
from kull_producers.events.stamp import Stamp
from tests.support.device import Device, device, token
from tests.support.mesh import Mesh

pytestmark = pytest.mark.rabbitmq


@pytest.fixture
def mesh(amqp_url: str, tmp_path: Path) -> Iterator[Mesh]:
    """A router and an edge."""
    mesh = Mesh(amqp_url, tmp_path, edges=1)
    try:
        mesh.start()
        yield mesh
    finally:
        mesh.stop()


async def publish(publisher: Publisher, first: int, last: int) -> None:
    await asyncio.gather(*credits_of(publisher, first, last))


def credits_of(publisher: Publisher, first: int, last: int) -> list[Coroutine[Any, Any, str]]:
    return [
        publisher.credit_update(user_id="maya", new_balance=balance, change=1, reason="Test")
        for balance in range(first, last + 1)
    ]


async def balances(mac: Device, count: int) -> list[int]:
    found: dict[int, int] = {}  # by seq: after a router's death something may come again
    while len(found) < count:
        event = await mac.event()
        found.setdefault(event["seq"], event["data"]["newBalance"])
        await mac.ack(event)
    return list(found.values())


def bad() -> Message:
    """What no router can read, addressed to maya."""
    event = CreditUpdate(user_id="maya", new_balance=1, change=1, reason="Test")
    stamp = Stamp(id="bad", timestamp_ms=1, app_id="somebody")
    good = messages_of(event, stamp, shard_count=DEFAULT_SHARD_COUNT)[0]
    return replace(good, body=b'{"type":"CREDIT_UPDATE"}')


async def taken(queue: AbstractQueue) -> list[aio_pika.abc.AbstractIncomingMessage]:
    """Take all that lies in a queue."""
    found = []
    while (message := await queue.get(no_ack=True, fail=False)) is not None:
        found.append(message)
    return found


async def test_a_bad_event_in_a_burst_is_buried_alone_and_third_parties_see_no_batch(
    mesh: Mesh,
) -> None:
    async with (
        await aio_pika.connect(mesh.amqp_url) as connection,
        device(mesh.url(), token("maya", "mac")) as mac,
        connect(mesh.amqp_url) as one_by_one,
        connect(mesh.amqp_url, bursts=True) as together,
    ):
        channel = await connection.channel()
        third_party = await channel.declare_queue(exclusive=True)
        await third_party.bind(topology.CREDIT, "#")
        on_the_way = await channel.declare_queue(exclusive=True)
        await on_the_way.bind(topology.BURSTS, "#")
        await publish(one_by_one, 1, 10)
        assert len(await taken(third_party)) == 10

        await asyncio.gather(
            *credits_of(together, 11, 20),
            together._transport.publish(bad()),
            *credits_of(together, 21, 30),
        )

        assert await balances(mac, 30) == list(range(1, 31))
        sizes = [each.headers[topology.HEADER_EVENTS] for each in await taken(on_the_way)]
        assert sizes == [21]
        assert await taken(third_party) == []
        dead = await channel.get_queue(topology.DEAD)
        [letter] = await taken(dead)
        assert (letter.body, letter.message_id, letter.app_id) == (bad().body, "bad", "somebody")
        assert letter.headers[topology.HEADER_REASON] == "body: data must be a JSON object"


async def test_a_router_that_is_killed_within_bursts_loses_nothing_and_stores_nothing_twice(
    mesh: Mesh,
) -> None:
    async with (
        device(mesh.url(), token("maya", "mac")) as mac,
        connect(mesh.amqp_url, bursts=True) as publisher,
    ):
        mac.patience = 40
        getting = asyncio.create_task(balances(mac, 800), name="getting")
        for first in range(1, 800, 40):
            if first == 401:
                mesh.router.stop(signal.SIGKILL)
            await publish(publisher, first, first + 39)
        mesh.router.start()

        async with asyncio.timeout(60):
            assert await getting == list(range(1, 801))


async def test_a_burst_larger_than_a_message_may_be_arrives(mesh: Mesh) -> None:
    async with (
        device(mesh.url(), token("maya", "mac")) as mac,
        connect(mesh.amqp_url, bursts=True) as publisher,
    ):
        text = "x" * 1_000
        calls = [
            publisher.credit_update(user_id="maya", new_balance=n, change=1, reason=text)
            for n in range(1, 601)
        ]
        await asyncio.gather(*calls)
        assert await balances(mac, 600) == list(range(1, 601))
    assert len(batch.record_of(bad())) * 600 < 600_000 > batch.MAX_BYTES
