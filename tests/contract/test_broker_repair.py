"""What vanishes from a broker is created again: on the in-memory broker and on a real RabbitMQ."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from kull_producers.events import topology
from kull_router.broker.layout import layout
from kull_router.broker.port import Broker
from kull_router.errors import (
    BrokerError,
    BrokerUnavailable,
    ChannelClosed,
)
from tests.support.brokers import (
    SHARDS,
    Rig,
    event,
    ids,
    open_shard,
    take,
)


async def _reaches_its_places(broker: Broker) -> None:
    """An event reaches its shard, one with a wrong key the unrouted, a letter the dead."""
    wrong = replace(event(2), routing_key="nonsense")
    letter = replace(event(3), exchange=topology.DEAD)
    for number, (message, queue) in enumerate(
        [(event(1), "kull.router.00"), (wrong, topology.UNROUTED), (letter, topology.DEAD)], 1
    ):
        await broker.publish(message)
        single = queue.startswith("kull.router")
        channel = await broker.consume(queue, single_active=single, prefetch=10)
        assert ids(await take(channel, 1)) == [str(number)]
        await channel.aclose()


_Damage = Callable[[Rig], Awaitable[None]]
_DAMAGES: dict[str, _Damage] = {
    **{
        f"queue {name}": lambda rig, name=name: rig.delete_queue(name)  # type: ignore[misc]
        for name in (topology.shard_queue(0), topology.DEAD, topology.UNROUTED)
    },
    **{
        f"exchange {each.name}": lambda rig, name=each.name: rig.delete_exchange(name)  # type: ignore[misc]
        for each in layout(SHARDS).exchanges
    },
    **{
        f"binding {each.source} to {each.destination}": lambda rig, each=each: rig.unbind(each)  # type: ignore[misc]
        for each in layout(SHARDS).bindings
        if each.source != topology.SHOOT
    },
}


@pytest.mark.parametrize("damage", _DAMAGES.values(), ids=_DAMAGES.keys())
async def test_what_vanishes_is_created_again_by_a_repair(rig: Rig, damage: _Damage) -> None:
    broker = await rig.router()
    await damage(rig)
    await asyncio.gather(*(broker.repair() for _ in range(5)))
    assert broker.connected
    await _reaches_its_places(broker)


async def test_a_repair_leaves_alone_what_is_there(rig: Rig) -> None:
    broker = await rig.router()
    await broker.publish(event(1))
    channel = await open_shard(broker)
    await broker.repair()
    assert ids(await take(channel, 1)) == ["1"]


async def test_the_consumers_of_a_deleted_queue_are_closed_and_can_be_opened_again(
    rig: Rig,
) -> None:
    broker, other = await rig.router(), await rig.router()
    channels = [await open_shard(broker), await open_shard(other)]
    await broker.publish(event(1))
    await take(channels[0], 1)
    await rig.delete_queue(topology.shard_queue(0))
    for channel in channels:
        with pytest.raises(ChannelClosed):
            await take(channel, 1)
    await broker.repair()
    again = await open_shard(broker)
    await broker.publish(event(2))
    assert ids(await take(again, 1)) == ["2"]


async def test_an_event_whose_queue_is_missing_is_kept_as_unrouted(rig: Rig) -> None:
    broker = await rig.router()
    await rig.delete_queue(topology.shard_queue(0))
    await broker.publish(event(1))
    unrouted = await broker.consume(topology.UNROUTED, single_active=False, prefetch=10)
    [delivery] = await take(unrouted, 1)
    assert delivery.message == event(1)


async def test_what_is_published_to_a_deleted_exchange_is_refused_until_it_is_back(
    rig: Rig,
) -> None:
    broker = await rig.router()
    await rig.delete_exchange(topology.CREDIT)
    with pytest.raises(BrokerError, match=topology.CREDIT):
        await broker.publish(event(1))
    await broker.repair()
    await broker.publish(event(2))
    assert ids(await take(await open_shard(broker), 1)) == ["2"]


async def test_a_repair_without_a_connection_is_refused(rig: Rig) -> None:
    broker = await rig.router()
    await broker.aclose()
    with pytest.raises(BrokerUnavailable):
        await broker.repair()
