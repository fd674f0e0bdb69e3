"""Several edges on one port, a process each: how one machine uses all of its cores.

The kernel spreads new connections over the processes that listen (SO_REUSEPORT). Each is an edge of
its own, `<node id>/<number>`, and is started again when it dies.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import structlog

from kull_edge.errors import CannotListen, ComponentDied
from kull_edge.settings import EdgeSettings
from kull_mesh import signals

log = structlog.get_logger(__name__)

AT_ONCE: Final = 5.0  # seconds: who gives up earlier cannot run at all
PAUSE: Final = 1.0  # seconds before it is started again
_PROCESSES: Final[set[Process]] = set()  # of the workers that live


def environment(settings: EdgeSettings, number: int) -> dict[str, str]:
    """Return the settings in which a worker differs from its siblings. PURE."""
    port = settings.metrics_port
    return {
        "KULL_EDGE_NODE_ID": f"{settings.node_id}/{number}",
        "KULL_EDGE_SHARE_PORT": "true",
        "KULL_EDGE_METRICS_PORT": str(port + number if port else 0),
    }


async def run(settings: EdgeSettings, count: int) -> None:
    """Run so many edges until each was drained; cancelling stops them in order.

    Raises:
        CannotListen: no port is given.
        ComponentDied: an edge cannot even start; its log says why.
    """
    if not settings.port:
        raise CannotListen("several workers need one port: set KULL_EDGE_PORT")
    loop = asyncio.get_running_loop()
    for signal_ in (signals.MORE, signals.LESS):  # what is logged is said by the workers
        loop.add_signal_handler(signal_, _pass_on, signal_)
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            group.create_task(_keep(settings, number), name=f"worker {number}")


async def _keep(settings: EdgeSettings, number: int) -> None:
    loop = asyncio.get_running_loop()
    while True:
        started = loop.time()
        code = await _live([sys.executable, "-m", "kull_mesh", "edge"], settings, number)
        if code == 0:
            return  # it was drained
        if code > 0 and loop.time() - started < AT_ONCE:  # not killed: it gave up
            raise ComponentDied(f"edge worker {number} ended at once with exit code {code}")
        log.error("edge_worker_died", worker=number, code=code, again_in=PAUSE)
        await asyncio.sleep(PAUSE)


def _pass_on(number: signal.Signals) -> None:
    for process in _PROCESSES:
        with suppress(ProcessLookupError):
            process.send_signal(number)


async def _live(command: Sequence[str], settings: EdgeSettings, number: int) -> int:
    """Run a worker to its end, which a cancellation brings about, and return its exit code."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, **environment(settings, number)},
        start_new_session=True,  # a Ctrl-C is ours to pass on, once
    )
    _PROCESSES.add(process)
    try:
        return await process.wait()
    finally:
        _PROCESSES.discard(process)
        await _stop(process, settings.drain + 2 * settings.close_timeout)


async def _stop(process: Process, within: float) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(within):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
