"""An object in a process of its own, called through a pipe."""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

ANSWER_WITHIN = 600.0  # seconds; a mass reconnect of a slow rival takes minutes


class WorkerFailed(RuntimeError):
    """A call failed in the worker; the text is its traceback."""


class Worker:
    """`Worker(Fleet, ...)` builds the object in the new process; `call("connect")` awaits it there.

    The object's methods are coroutines; arguments and answers must be picklable.
    """

    def __init__(self, build: Callable[..., object], *arguments: object) -> None:
        context = multiprocessing.get_context("spawn")  # nothing of the caller is inherited
        self._pipe, other = context.Pipe()
        self._process = context.Process(
            target=_main, args=(other, build, arguments), name=build.__name__, daemon=True
        )
        self._process.start()
        other.close()
        self._receive()

    @property
    def pid(self) -> int:
        """The process."""
        assert self._process.pid is not None
        return self._process.pid

    def send(self, method: str, *arguments: object) -> None:
        """Begin a call. `receive` its answer before the next one."""
        self._pipe.send((method, arguments))

    def receive(self) -> Any:
        """Return the answer to the last call. Raises WorkerFailed, TimeoutError."""
        return self._receive()

    def call(self, method: str, *arguments: object) -> Any:
        """Call a method and return its answer. Raises WorkerFailed, TimeoutError."""
        self.send(method, *arguments)
        return self._receive()

    def close(self) -> None:
        """End the process. Idempotent."""
        self._pipe.close()
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _receive(self) -> Any:
        if not self._pipe.poll(ANSWER_WITHIN):
            raise TimeoutError(f"{self._process.name} has not answered in {ANSWER_WITHIN:.0f} s")
        try:
            failure, answer = self._pipe.recv()
        except EOFError:
            raise WorkerFailed(f"{self._process.name} ended by itself") from None
        if failure:
            raise WorkerFailed(failure)
        return answer


def _main(pipe: Connection, build: Callable[..., object], arguments: tuple[object, ...]) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(_serve(pipe, build, arguments))


async def _serve(
    pipe: Connection, build: Callable[..., object], arguments: tuple[object, ...]
) -> None:
    """Answer calls until the pipe is closed."""
    served = build(*arguments)
    asked = asyncio.Event()
    asyncio.get_running_loop().add_reader(pipe.fileno(), asked.set)
    pipe.send(("", None))
    while True:
        await asked.wait()
        asked.clear()
        while pipe.poll():
            try:
                method, given = pipe.recv()
            except EOFError:
                return
            try:
                pipe.send(("", await getattr(served, method)(*given)))
            except Exception:
                pipe.send((traceback.format_exc(), None))


def now_us() -> int:
    """Return microseconds of the clock that all processes of this machine share."""
    return time.monotonic_ns() // 1000
