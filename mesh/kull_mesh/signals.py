"""Run until told to stop, or until a part dies."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Iterable


async def until_stopped(parts: Iterable[Awaitable[None]]) -> None:
    """Wait for SIGTERM or SIGINT, or for the first part to end; raise what it ended with."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    waiting = [asyncio.ensure_future(part) for part in parts]
    stopped = asyncio.create_task(stop.wait(), name="stop")
    try:
        done, _ = await asyncio.wait({stopped, *waiting}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in (stopped, *waiting):
            task.cancel()
        await asyncio.gather(stopped, *waiting, return_exceptions=True)
