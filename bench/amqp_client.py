"""What one message costs this process on RabbitMQ: the router's AMQP client beside aio-pika/aiormq.

    python bench/amqp_client.py            starts a RabbitMQ of its own
    python bench/amqp_client.py AMQP_URL   an empty virtual host elsewhere

Both publish the same persistent, confirmed, mandatory messages, 200 at a time, and consume them
with prefetch 512, acknowledging every 256. The figure is CPU time of this process per message.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aio_pika
import aiormq
from aiormq.abc import DeliveredMessage

sys.path.insert(0, str(Path(__file__).parents[1]))  # for tests.support

from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_router.broker.rabbitmq import RabbitBroker
from tests.support.rabbitmq import RabbitMQ

MESSAGES = 20_000
IN_FLIGHT = 200
PREFETCH = 512
ACK_EVERY = 256
QUEUE = topology.shard_queue(0)


def _message(number: int) -> Message:
    return Message(
        exchange=topology.SHOOT,
        routing_key="00.user.user_123.shoot_progress",
        body=b'{"id":"0193","type":"SHOOT_PROGRESS","data":{"shootId":"s1","status":"processing",'
        b'"processedCount":12,"totalCount":400,"provider":"p"},"timestamp":1732440000000,'
        b'"deviceId":"server","userId":"user_123"}',
        message_id=str(number),
        type="SHOOT_PROGRESS",
        app_id="bench",
        headers={
            topology.HEADER_ADDRESS: "user:user_123",
            topology.HEADER_CONTRACT: "latest",
            topology.HEADER_KEY: "shoot:s1",
            topology.HEADER_RUN: "0123456789abcdef",
            topology.HEADER_VERSION: number,
            topology.HEADER_PROGRESS: 12,
        },
    )


async def _measure(what: str, work: Callable[[], Awaitable[None]]) -> float:
    cpu, wall = time.process_time(), time.perf_counter()
    await work()
    per_message = (time.process_time() - cpu) / MESSAGES * 1e6
    rate = MESSAGES / (time.perf_counter() - wall)
    print(f"{what:<22}{per_message:8.1f} µs CPU per message {rate:10,.0f}/s")
    return per_message


async def _in_batches(publish: Callable[[int], Awaitable[object]]) -> None:
    for start in range(0, MESSAGES, IN_FLIGHT):
        await asyncio.gather(*(publish(start + each) for each in range(IN_FLIGHT)))


async def _router_client(url: str) -> tuple[float, float]:
    broker = RabbitBroker(url)
    await broker.start(1)

    async def consume() -> None:
        channel = await broker.consume(QUEUE, single_active=True, prefetch=PREFETCH)
        count = 0
        while count < MESSAGES:
            deliveries = await channel.receive(ACK_EVERY)
            count += len(deliveries)
            channel.ack(deliveries[-1].tag)
        await channel.aclose()

    try:
        return (
            await _measure(
                "router, publish", lambda: _in_batches(lambda n: broker.publish(_message(n)))
            ),
            await _measure("router, consume", consume),
        )
    finally:
        await broker.aclose()


async def _aio_pika(url: str) -> float:
    async with await aio_pika.connect(url) as connection:
        exchange = await (await connection.channel()).get_exchange(topology.SHOOT)

        def publish(number: int) -> Awaitable[object]:
            message = _message(number)
            headers: dict[str, aio_pika.abc.FieldValue] = {**message.headers}
            persistent = aio_pika.Message(
                message.body,
                headers=headers,
                message_id=message.message_id,
                type=message.type,
                app_id=message.app_id,
                delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            )
            return exchange.publish(persistent, message.routing_key)

        return await _measure("aio-pika, publish", lambda: _in_batches(publish))


async def _aiormq(url: str) -> float:
    connection = await aiormq.connect(url)
    channel = await connection.channel(publisher_confirms=False)
    await channel.basic_qos(prefetch_count=PREFETCH)
    count, complete = 0, asyncio.Event()

    async def take(message: DeliveredMessage) -> None:
        nonlocal count
        count += 1
        if count % ACK_EVERY == 0 or count == MESSAGES:
            tag = message.delivery_tag
            assert tag is not None
            await channel.basic_ack(tag, multiple=True, wait=False)
        if count == MESSAGES:
            complete.set()

    async def consume() -> None:
        await channel.basic_consume(QUEUE, take)
        await complete.wait()

    try:
        return await _measure("aiormq, consume", consume)
    finally:
        await connection.close()


async def _run(url: str) -> None:
    publish, consume = await _router_client(url)
    theirs = await _aio_pika(url), await _aiormq(url)
    print(f"ratio: publish {theirs[0] / publish:.1f}, consume {theirs[1] / consume:.1f}")


def main() -> None:
    """Measure both on one RabbitMQ."""
    if len(sys.argv) > 1:
        asyncio.run(_run(sys.argv[1]))
        return
    rabbitmq = RabbitMQ()
    try:
        rabbitmq.start()
        asyncio.run(_run(rabbitmq.url))
    finally:
        rabbitmq.close()


if __name__ == "__main__":
    main()
