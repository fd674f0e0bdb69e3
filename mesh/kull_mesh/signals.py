"""Run a role until it ends or is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Coroutine
from typing import Any, Final

import structlog

from kull_mesh.expected import expected
from kull_mesh.log_level import level
from kull_protos.serving.descriptors import raise_limit

log = structlog.get_logger(__name__)

STOPPING: Final = (signal.SIGTERM, signal.SIGINT)
MORE, LESS = signal.SIGUSR1, signal.SIGUSR2  # is logged, from then on


def run(main: Coroutine[Any, Any, object]) -> None:
    """Run a role to its end; leave the traceback of a fault of ours in the log."""
    # What is loaded stays, and the hot path makes no cycles: looking for them costs a tenth.
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    raise_limit()
    try:
        asyncio.run(main)
    except Exception as error:
        if expected(error) is None:
            log.critical("crashed", exc_info=True)
        raise


def run_role(role: Coroutine[Any, Any, None]) -> None:
    """Run a role until it ends by itself or is told to stop."""
    run(until_signalled(role))


def heed() -> None:
    """Heed SIGINT and SIGTERM again where whoever started this process has turned them off.

    A shell ignores SIGINT for its background jobs, and Python then leaves it ignored for ever.
    """
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_IGN:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


async def until_signalled(main: Coroutine[Any, Any, None]) -> signal.Signals | None:
    """Run until it ends by itself; SIGTERM or SIGINT cancels it, so that it stops in order.

    Returns the signal that has stopped it, None when it has ended by itself.
    """
    task = asyncio.create_task(main, name="main")
    told: signal.Signals | None = None

    def stop(number: signal.Signals) -> None:
        nonlocal told
        if not told:  # a second signal must not break off the ordered end
            told = number
            task.cancel()

    loop = asyncio.get_running_loop()
    for number in STOPPING:
        loop.add_signal_handler(number, stop, number)
    loop.add_signal_handler(MORE, level.debug)
    loop.add_signal_handler(LESS, level.back)
    try:
        await task
    except asyncio.CancelledError:
        if not told:
            raise
    return told
