"""A queue of somebody else that gets a copy of every credit event, to see what was published."""

from __future__ import annotations

from collections import defaultdict
from contextlib import AsyncExitStack

import aio_pika

from kull_producers.events import topology
from tests.support.brokers import RabbitRig

QUEUE = "audit"


async def deploy(url: str, shard_count: int) -> None:
    """Bind the queue, then let a router create the topology once.

    In this order: an outbox that waits for a deployment publishes as soon as there is one.
    """
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        # As the router declares it; without the rest of the topology it is no deployment.
        credit = await channel.declare_exchange(topology.CREDIT, "topic", durable=True)
        queue = await channel.declare_queue(QUEUE, durable=True)
        await queue.bind(credit, "#")
    async with AsyncExitStack() as stack:
        await RabbitRig(stack, url).router(shard_count)


async def audit(url: str) -> dict[str, list[str]]:
    """Take what the queue holds: the ids for each address, in order of arrival."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(QUEUE, passive=True)
        left = queue.declaration_result.message_count or 0
        if not left:
            return found
        async with queue.iterator(no_ack=True) as messages:
            async for message in messages:
                found[str(message.headers[topology.HEADER_ADDRESS])].append(str(message.message_id))
                left -= 1
                if not left:
                    break
    return found
