"""Whoever looks at a queue loses nothing of it: the same on both brokers."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_router.broker.port import KEPT, MAX_BODY, Broker
from kull_router.errors import BrokerError
from tests.support.brokers import Rig, event


async def filled(rig: Rig, count: int) -> Broker:
    broker = await rig.router()
    for number in range(count):
        await broker.publish(dead(number))
    return broker


def dead(number: int) -> Message:
    return replace(event(number), exchange=topology.DEAD)


async def looked_at(broker: Broker, limit: int = 100) -> list[str]:
    inspection = await broker.inspect(topology.DEAD, limit)
    try:
        return [each.message.message_id for each in inspection.deliveries]
    finally:
        await inspection.aclose()


async def test_looking_takes_nothing_away_and_keeps_the_order(rig: Rig) -> None:
    broker = await filled(rig, 5)

    assert await broker.depth(topology.DEAD) == 5
    for _ in range(10):
        assert await looked_at(broker) == ["0", "1", "2", "3", "4"]
        assert await broker.depth(topology.DEAD) == 5
    assert await looked_at(broker, 2) == ["0", "1"]
    assert await broker.depth(topology.DEAD) == 5


async def test_many_that_were_looked_at_are_all_there_for_whoever_looks_next(rig: Rig) -> None:
    broker = await filled(rig, 0)
    await asyncio.gather(*(broker.publish(dead(number)) for number in range(500)))

    first = await looked_at(broker, 1_000)

    assert len(first) == 500
    assert await looked_at(broker, 1_000) == first
    assert await looked_at(await rig.router(), 1_000) == first


async def test_what_was_removed_is_gone_and_the_others_stay_in_order(rig: Rig) -> None:
    broker = await filled(rig, 5)

    inspection = await broker.inspect(topology.DEAD, 100)
    assert inspection.waiting == 5
    tags = {each.message.message_id: each.tag for each in inspection.deliveries}
    inspection.remove(tags["3"])
    inspection.remove(tags["1"])
    await inspection.aclose()
    await inspection.aclose()

    assert await looked_at(broker) == ["0", "2", "4"]
    with pytest.raises(BrokerError):
        inspection.remove(tags["0"])


async def test_an_empty_queue_is_looked_at_at_once(rig: Rig) -> None:
    broker = await filled(rig, 0)

    assert await looked_at(broker) == []
    assert await broker.depth(topology.DEAD) == 0


async def test_of_what_is_too_large_only_the_beginning_is_read(rig: Rig) -> None:
    broker = await filled(rig, 0)
    await broker.publish(replace(dead(1), body=b"x" * (MAX_BODY + 1)))

    inspection = await broker.inspect(topology.DEAD, 10)
    (delivery,) = inspection.deliveries
    await inspection.aclose()

    assert (len(delivery.message.body), delivery.too_large) == (KEPT, MAX_BODY + 1)


async def test_a_queue_that_is_not_there_is_an_error(rig: Rig) -> None:
    broker = await filled(rig, 0)

    with pytest.raises(BrokerError):
        await broker.depth("kull.nowhere")
    with pytest.raises(BrokerError):
        await broker.inspect("kull.nowhere", 1)
