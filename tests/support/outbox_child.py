"""A service that publishes credits without end through an outbox, and prints what was accepted.

    python -m tests.support.outbox_child AMQP_URL OUTBOX_FILE SHARDS

Each line is `<user> <id>`; the ids of a user count up. It is there to be killed.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from pathlib import Path

from kull_producers import OutboxPublisher, connect

USERS = 8


async def _publish(publisher: OutboxPublisher, user: str) -> None:
    for number in itertools.count():
        key = f"{user}-{number:06}"
        await publisher.credit_update(
            user_id=user, new_balance=number, change=1, reason="Test", idempotency_key=key
        )
        os.write(1, f"{user} {key}\n".encode())  # at once: a kill must not swallow it


async def _main(url: str, path: Path, shard_count: int) -> None:
    publisher = connect(url, outbox=path, shard_count=shard_count)
    async with publisher, asyncio.TaskGroup() as tasks:
        for user in range(USERS):
            tasks.create_task(_publish(publisher, f"u{user}"), name=f"user-{user}")


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
