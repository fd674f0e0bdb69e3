"""The straight way: aio-pika and websockets, a durable queue per device. What one writes in a day.

    python -m bench.rivals.straight_server AMQP_URL PORT

A device says who it is and gets `TAG EVENT` for each event; it sends the tag back when it has
processed the event, and only then RabbitMQ forgets it. One channel serves all devices; a channel
each was no cheaper, neither here nor in RabbitMQ.
"""

from __future__ import annotations

import asyncio
import sys

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractIncomingMessage
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

EXCHANGE = "events"
EVERYBODY = "all"
PREFETCH = 64  # per device, as our window


class Server:
    """Serves devices from the queues on one channel."""

    def __init__(self, channel: AbstractChannel, exchange: AbstractExchange) -> None:
        self._channel = channel
        self._exchange = exchange

    async def serve(self, socket: ServerConnection) -> None:
        """Serve one device until it is gone."""
        user, device = str(await socket.recv()).split()
        queue = await self._channel.declare_queue(f"device.{device}", durable=True)
        await queue.bind(self._exchange, user)
        await queue.bind(self._exchange, EVERYBODY)
        unacknowledged: dict[int, AbstractIncomingMessage] = {}

        async def deliver(message: AbstractIncomingMessage) -> None:
            assert message.delivery_tag is not None
            unacknowledged[message.delivery_tag] = message
            await socket.send(f"{message.delivery_tag} {message.body.decode()}", text=True)

        await socket.send("ready")
        consumer = await queue.consume(deliver)
        try:
            async for tag in socket:
                await unacknowledged.pop(int(tag)).ack()
        except ConnectionClosed:
            pass  # as good as the end of the loop
        finally:
            await queue.cancel(consumer)
            for message in unacknowledged.values():
                await message.nack(requeue=True)


async def main(url: str, port: int) -> None:
    """Serve until killed."""
    connection = await aio_pika.connect_robust(url)
    async with connection:
        channel = await connection.channel()
        await channel.set_qos(PREFETCH)
        exchange = await channel.declare_exchange(
            EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True
        )
        server = Server(channel, exchange)
        async with serve(server.serve, "127.0.0.1", port, compression=None):
            await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
