"""What the publisher may build on: the same on the twins and on a real RabbitMQ."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from kull_producers import (
    ConnectError,
    NotRoutable,
    ShardCountMismatch,
)
from kull_producers.events import topology
from kull_producers.publishing.rabbitmq import RabbitTransport
from tests.contract.transports import BrokerTarget, BurstsTarget, Target, TwinTarget
from tests.support.brokers import SHARDS, MemoryRig, RabbitRig, event

REAL = pytest.mark.rabbitmq
TARGETS = (
    "twin",
    "memory",
    "memory-bursts",
    pytest.param("rabbitmq", marks=REAL),
    pytest.param("rabbitmq-bursts", marks=REAL),
)


@pytest.fixture(params=TARGETS)
async def target(request: pytest.FixtureRequest) -> AsyncIterator[Target]:
    async with AsyncExitStack() as stack:
        if request.param == "twin":
            yield TwinTarget()
            return
        build = BurstsTarget if request.param.endswith("-bursts") else BrokerTarget
        if request.param.startswith("memory"):
            memory_rig = MemoryRig(stack)
            memory = await memory_rig.router()
            await memory_rig.third_party(topology.CREDIT)
            target = build(memory.transport(), memory)
            await target.transport.check_shard_count(SHARDS)
            yield target
            return
        url = request.getfixturevalue("amqp_url")
        rig = RabbitRig(stack, url)
        broker = await rig.router()
        await rig.third_party(topology.CREDIT)
        transport = RabbitTransport(url)
        stack.push_async_callback(transport.aclose)
        target = build(transport, broker)
        await target.transport.check_shard_count(SHARDS)
        yield target


async def test_concurrent_publishes_are_stored_in_the_order_of_the_calls(target: Target) -> None:
    await asyncio.gather(*(target.transport.publish(event(number)) for number in range(200)))

    assert [m.message_id for m in await target.stored(200)] == [str(n) for n in range(200)]


async def test_a_message_is_stored_as_it_is(target: Target) -> None:
    headers: dict[str, str | int | bool] = {
        topology.HEADER_ADDRESS: "user:zoë",
        topology.HEADER_VERSION: 2**53 + 1,
        topology.HEADER_FINAL: True,
    }
    message = replace(event(1), headers=headers, body='{"id":"ü😀"}'.encode(), app_id="billing")
    await target.transport.publish(message)

    assert await target.stored(1) == [message]


async def test_an_unknown_exchange_is_an_error_and_nothing_else_breaks(target: Target) -> None:
    with pytest.raises(NotRoutable):
        await target.transport.publish(replace(event(1), exchange="kull.nowhere"))
    await target.transport.publish(event(2))

    assert [m.message_id for m in await target.stored(1)] == ["2"]


async def test_the_shard_count_is_checked(target: Target) -> None:
    await target.transport.check_shard_count(SHARDS)
    with pytest.raises(ShardCountMismatch, match=r"shards"):
        await target.transport.check_shard_count(SHARDS + 1)
    await target.transport.publish(event(1))


async def test_a_closed_transport_says_so(target: Target) -> None:
    await target.transport.publish(event(1))
    await target.transport.aclose()
    await target.transport.aclose()

    with pytest.raises(ConnectError, match="closed"):
        await target.transport.publish(event(2))
    with pytest.raises(ConnectError, match="closed"):
        await target.transport.check_shard_count(SHARDS)


async def test_a_deployment_takes_batches(target: Target) -> None:
    assert await target.transport.takes_batches()
