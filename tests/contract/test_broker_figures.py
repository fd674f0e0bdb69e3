"""How a router fares with RabbitMQ, as metrics tell it: the same on both brokers."""

from __future__ import annotations

from dataclasses import replace

from tests.support.brokers import Rig, event, open_shard, take
from tests.support.until import until


async def test_what_is_handed_out_and_not_acknowledged_is_told_with_its_size(rig: Rig) -> None:
    broker = await rig.router()
    channel = await open_shard(broker)
    for number in range(3):
        await broker.publish(replace(event(number), body=bytes(100)))
    deliveries = await take(channel, 3)

    figures = broker.figures
    assert (figures.unacknowledged, figures.unacknowledged_bytes) == (3, 300)
    assert not figures.blocked

    channel.ack(deliveries[1].tag)
    assert (broker.figures.unacknowledged, broker.figures.unacknowledged_bytes) == (1, 100)

    await channel.aclose()
    assert broker.figures.unacknowledged == 0


async def test_what_waits_for_whoever_owns_a_shard_is_seen_at_the_next_look(rig: Rig) -> None:
    broker = await rig.router()
    channel = await open_shard(broker, prefetch=2)
    for number in range(5):
        await broker.publish(event(number))
    await take(channel, 2)

    async def seen() -> bool:  # RabbitMQ's own figures are a moment behind
        await broker.repair()
        return broker.figures.ready == 3

    await until(seen)
