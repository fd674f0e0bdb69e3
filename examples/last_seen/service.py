"""A service that knows when users were last there, from `kull.presence`.

    cd examples
    python -m last_seen.service follow --amqp-url amqp://… --file seen.db
    python -m last_seen.service show --file seen.db

Its queue is durable and its own: what happens while it is away waits there. A message is
acknowledged after it was written down, so that one may come twice: the generation tells.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Final

import aio_pika

from last_seen.seen import LastSeen

EXCHANGE: Final = "kull.presence"
QUEUE: Final = "consumer.last_seen"  # an account of the role `consumer` may have queues so named


async def follow(amqp_url: str, seen: LastSeen) -> None:
    """Write down what is told, until cancelled."""
    connection = await aio_pika.connect_robust(amqp_url)
    async with connection:
        channel = await connection.channel()
        await channel.set_qos(prefetch_count=100)
        queue = await channel.declare_queue(
            QUEUE, durable=True, arguments={"x-queue-type": "quorum"}
        )
        # user.*, device.* alone would do as well
        await queue.bind(EXCHANGE, routing_key="#")
        print("following", flush=True)
        async with queue.iterator() as messages:
            async for message in messages:
                seen.note(json.loads(message.body))
                await message.ack()


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["follow", "show"])
    parser.add_argument("--amqp-url", default=os.environ.get("KULL_AMQP_URL"), help="RabbitMQ")
    parser.add_argument("--file", type=Path, default=Path("seen.db"), help="file (seen.db)")
    return parser.parse_args()


async def main() -> None:
    """Run a command."""
    asked = arguments()
    seen = LastSeen(asked.file)
    try:
        if asked.command == "follow":
            life = asyncio.ensure_future(follow(asked.amqp_url, seen))
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, life.cancel)
            await asyncio.wait({life})
            if not life.cancelled():
                life.result()
        for each in seen.all() if asked.command == "show" else ():
            what = "is there since" if each.online else "was last there at"
            print(f"{each.user} {each.device or '(any device)'} {what} {each.at}")
    finally:
        seen.close()


if __name__ == "__main__":
    asyncio.run(main())
