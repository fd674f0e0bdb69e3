from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from hypothesis import strategies as st

from kull_producers import errors as producer_errors
from kull_producers.events import topology
from kull_router.broker.memory import MemoryBroker, MemoryChannel
from kull_router.broker.memory_server import MemoryServer
from kull_router.errors import BrokerError, BrokerUnavailable, ChannelClosed
from tests.support.brokers import event, ids, open_shard, take

WORDS = st.lists(st.sampled_from(["a", "b", "07"]), max_size=5)
PARTS = st.lists(st.sampled_from(["a", "b", "07", "*", "#"]), min_size=1, max_size=5)


async def _broker(server: MemoryServer | None = None) -> MemoryBroker:
    broker = MemoryBroker(server)
    await broker.start(2)
    return broker


async def test_a_full_queue_refuses_and_stores_nothing_anywhere() -> None:
    broker = await _broker(MemoryServer(max_length=2))
    await broker.publish(event(1))
    await broker.publish(event(2))
    with pytest.raises(BrokerError, match="full"):
        await broker.publish(event(3))
    with pytest.raises(producer_errors.PublishError, match="full"):
        await broker.transport().publish(event(3))
    assert ids(await take(await open_shard(broker), 2)) == ["1", "2"]
    await broker.publish(event(4))


async def test_down_closes_every_channel_and_up_brings_everything_back() -> None:
    broker = await _broker()
    channel, transport = await open_shard(broker), broker.transport()
    await broker.publish(event(1))
    await take(channel, 1)
    broker.down()
    assert not broker.connected
    with pytest.raises(ChannelClosed):
        await channel.receive(1)
    with pytest.raises(BrokerUnavailable):
        await broker.publish(event(2))
    with pytest.raises(producer_errors.ConnectError):
        await transport.publish(event(2))
    broker.up()
    await transport.publish(event(2))
    assert ids(await take(await open_shard(broker), 2)) == ["1", "2"]


async def test_start_waits_while_the_broker_is_down() -> None:
    broker = MemoryBroker()
    broker.down()
    starting = asyncio.create_task(broker.start(2), name="starting")
    await asyncio.sleep(0)
    assert not starting.done()
    broker.up()
    async with asyncio.timeout(5):
        await starting


async def test_a_channel_closed_by_the_server_hands_over() -> None:
    broker = await _broker()
    active, standby = await open_shard(broker), await open_shard(broker)
    await broker.publish(event(1))
    await take(active, 1)
    assert isinstance(active, MemoryChannel)
    active.close()
    [delivery] = await take(standby, 1)
    assert delivery.redelivered


async def test_the_transport_tells_publishers_what_is_wrong() -> None:
    transport = MemoryBroker().transport()
    with pytest.raises(producer_errors.NotRoutable, match="router"):
        await transport.publish(event(1))
    with pytest.raises(producer_errors.ShardCountMismatch):
        await transport.check_shard_count(2)
    broker = await _broker()
    transport = broker.transport()
    await transport.check_shard_count(2)
    with pytest.raises(producer_errors.ShardCountMismatch):
        await transport.check_shard_count(16)
    await transport.aclose()
    with pytest.raises(producer_errors.ConnectError):
        await transport.publish(event(1))
    assert broker.connected


async def test_what_outlives_a_router_is_there_for_the_next() -> None:
    server = MemoryServer()
    first = await _broker(server)
    await first.publish(event(1))
    await first.aclose()
    second = await _broker(server)
    assert ids(await take(await open_shard(second), 1)) == ["1"]


async def test_consumers_of_a_shared_queue_take_turns() -> None:
    broker = await _broker()
    one = await broker.consume(topology.DEAD, single_active=False, prefetch=10)
    two = await broker.consume(topology.DEAD, single_active=False, prefetch=10)
    for number in range(4):
        await broker.publish(replace(event(number), exchange=topology.DEAD))
    assert ids(await take(one, 2)) == ["0", "2"]
    assert ids(await take(two, 2)) == ["1", "3"]
