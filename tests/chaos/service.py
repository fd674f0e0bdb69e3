"""The service whose events are counted: credits for each user, through an outbox. It gets killed.

    python -m tests.chaos.service AMQP_URL OUTBOX_FILE --interval 1.0

Its standard input says in one line of JSON which number each user has got so far. It prints
`> <user> <number>` when it begins to publish and `= <user> <number>` when that is accepted. SIGTERM
ends it once RabbitMQ has confirmed everything.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import sys
from pathlib import Path

from kull_producers import Publisher, connect

FLUSH_TIMEOUT = 60.0  # seconds


def _write(what: str, user: str, number: int) -> None:
    os.write(1, f"{what} {user} {number}\n".encode())  # at once: a kill must not swallow it


async def _emit(
    publisher: Publisher, user: str, last: int, interval: float, stop: asyncio.Event
) -> None:
    number = last
    while not stop.is_set():
        await asyncio.sleep(random.uniform(0, 2 * interval))
        number += 1
        _write(">", user, number)
        await publisher.credit_update(
            user_id=user,
            new_balance=number,
            change=1,
            reason="chaos",
            idempotency_key=f"{user}-{number}",
        )
        _write("=", user, number)


async def _main(options: argparse.Namespace) -> None:
    reached: dict[str, int] = json.loads(sys.stdin.readline())
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with connect(options.url, outbox=options.outbox) as publisher:
        async with asyncio.TaskGroup() as tasks:
            for user, last in reached.items():
                emit = _emit(publisher, user, last, options.interval, stop)
                tasks.create_task(emit, name=f"emit-{user}")
        await publisher.flush(FLUSH_TIMEOUT)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url")
    parser.add_argument("outbox", type=Path)
    parser.add_argument("--interval", type=float, default=1.0, help="seconds between a user's")
    asyncio.run(_main(parser.parse_args()))
