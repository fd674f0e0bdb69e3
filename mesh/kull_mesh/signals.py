"""Run a role until it ends or is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Coroutine
from typing import Any

import structlog

from kull_mesh.errors import expected

log = structlog.get_logger(__name__)


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a role to its end; leave the traceback of a fault of ours in the log."""
    # What is loaded stays, and the hot path makes no cycles: looking for them costs a tenth.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    try:
        asyncio.run(main)
    except Exception as error:
        if expected(error) is None:
            log.critical("crashed", exc_info=True)
        raise


async def until_signalled(main: Coroutine[Any, Any, None]) -> None:
    """Run until it ends by itself; SIGTERM or SIGINT cancels it, so that it stops in order."""
    task = asyncio.create_task(main, name="main")
    told = False

    def stop() -> None:
        nonlocal told
        if not told:  # a second signal must not break off the ordered end
            told = True
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        if not told:
            raise
