"""A queue of somebody else that gets a copy of every credit event, to see what was published."""

from __future__ import annotations

from collections import defaultdict
from contextlib import AsyncExitStack

import aio_pika

from kull_producers.events import topology
from tests.support.brokers import RabbitRig

QUEUE = "audit"


async def deploy(url: str, shard_count: int) -> None:
    """Let a router create the topology once, and bind the queue."""
    async with AsyncExitStack() as stack:
        rig = RabbitRig(stack, url)
        await rig.router(shard_count)
        await rig.third_party(topology.CREDIT)


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
