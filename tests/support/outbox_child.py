"""A service that publishes credits without end through an outbox, and prints what was accepted.

    python -m tests.support.outbox_child AMQP_URL OUTBOX_FILE --shards 2

Each line is `<user> <id>`; the ids of a user count up. With `--report` there are lines
`# <pending> <age of the oldest, in seconds>` as well. It is there to be killed; SIGTERM ends it in
good order, once everything is confirmed.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import signal
from pathlib import Path

from kull_producers import OutboxPublisher, connect

FLUSH_TIMEOUT = 60.0  # seconds


def _write(line: str) -> None:
    os.write(1, f"{line}\n".encode())  # at once: a kill must not swallow it


async def _emit(
    publisher: OutboxPublisher, user: str, interval: float, stop: asyncio.Event
) -> None:
    clock = asyncio.get_running_loop().time
    begin = clock()
    for number in itertools.count():
        if stop.is_set():
            return
        key = f"{user}-{number:06}"
        await publisher.credit_update(
            user_id=user, new_balance=number, change=1, reason="Test", idempotency_key=key
        )
        _write(f"{user} {key}")
        if interval:
            await asyncio.sleep(max(0.0, begin + (number + 1) * interval - clock()))


async def _report(publisher: OutboxPublisher) -> None:
    status = await publisher.status()
    _write(f"# {status.pending} {status.oldest_seconds:.3f}")


async def _report_often(publisher: OutboxPublisher, interval: float, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await _report(publisher)
        await asyncio.sleep(interval)


async def _main(options: argparse.Namespace) -> None:
    publisher = connect(options.url, outbox=options.path, shard_count=options.shards)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with publisher:
        async with asyncio.TaskGroup() as tasks:
            for number in range(options.users):
                emit = _emit(publisher, f"u{number}", options.interval, stop)
                tasks.create_task(emit, name=f"user-{number}")
            if options.report:
                reports = _report_often(publisher, options.report, stop)
                tasks.create_task(reports, name="reports")
        await publisher.flush(FLUSH_TIMEOUT)
        if options.report:
            await _report(publisher)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url")
    parser.add_argument("path", type=Path)
    parser.add_argument("--shards", type=int, required=True)
    parser.add_argument("--users", type=int, default=8)
    parser.add_argument("--interval", type=float, default=0.0, help="seconds between a user's")
    parser.add_argument("--report", type=float, default=0.0, help="seconds between two reports")
    asyncio.run(_main(parser.parse_args()))
