"""An asyncio event loop on virtual time, and processes on it that can be stopped and killed.

Deterministic: one thread, no real clock, callbacks in the order in which they were asked for. When
nothing is ready, time jumps to the next timer.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from itertools import count
from typing import Any, Final, TypeVar

MOST_TURNS: Final = 200_000  # of the loop at one moment
_T = TypeVar("_T")
NOBODY: Final = Context()  # for what happens outside of every process: the network, the disks
CURRENT: Final[ContextVar[Process]] = ContextVar("process")


class Process:
    """One run of a program. Everything it starts belongs to it, and stands still when it does.

    A killed process never runs again, not even its `finally` blocks; its successor is a new one.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.frozen = False
        self.dead = False
        self.stops = 0  # how often it was stopped
        self.parked: list[asyncio.Handle] = []
        self._context = NOBODY.copy()
        self._context.run(CURRENT.set, self)

    @property
    def context(self) -> Context:
        """A fresh context in which a callback belongs to this process."""
        return self._context.copy()

    def start(self, work: Coroutine[Any, Any, _T], name: str) -> asyncio.Task[_T]:
        """Run a coroutine in this process."""
        loop = asyncio.get_running_loop()
        return self.context.run(lambda: loop.create_task(work, name=f"{self.name} {name}"))

    def soon(self, callback: Callable[..., object], *args: Any) -> None:
        """Call back in this process."""
        asyncio.get_running_loop().call_soon(callback, *args, context=self.context)

    def freeze(self) -> None:
        """SIGSTOP."""
        self.frozen = True
        self.stops += 1

    def thaw(self) -> None:
        """SIGCONT: what fell due meanwhile happens now, in order. Never of a killed process."""
        if not self.dead:
            self.release()

    def kill(self) -> None:
        """SIGKILL."""
        self.frozen = self.dead = True

    def release(self) -> None:
        """Let everything go on, in order to end it."""
        self.frozen = False
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimLoop)
        loop.resume(self.parked)
        self.parked = []


def _is_parked(handle: asyncio.Handle) -> bool:
    process: Process | None = handle._context.get(CURRENT)  # type: ignore[attr-defined]
    if process is None or not process.frozen:
        return False
    process.parked.append(handle)
    return True


class _Handle(asyncio.Handle):
    __slots__ = ()

    def _run(self) -> None:
        if not _is_parked(self):
            super()._run()


class _TimerHandle(asyncio.TimerHandle):
    """Of two that are due at the same time, the one that was asked for first comes first."""

    __slots__ = ("order",)

    def __init__(self, number: int, when: float, *args: Any) -> None:
        super().__init__(when, *args)
        self.order = (when, number)

    def __lt__(self, other: Any) -> bool:
        return bool(self.order < other.order)

    def _run(self) -> None:
        if not _is_parked(self):
            super()._run()


class _Task(asyncio.Task[Any]):
    """Hashes by number: the order of a set of tasks (in a TaskGroup) must not depend on memory."""

    def __init__(self, number: int, *args: Any, **kwargs: Any) -> None:
        self._number = number
        super().__init__(*args, **kwargs)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class _NoSelector:
    """Instead of waiting for sockets: jump to the next timer."""

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop
        self._turns = 0  # at one moment

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("nothing is left that could ever happen: a deadlock")
        if timeout > 0:
            self._loop.jump()
            self._turns = 0
        self._turns += 1
        if self._turns > MOST_TURNS:
            raise RuntimeError(f"time stands still at {self._loop.time()}: something waits busily")
        return []


class SimLoop(asyncio.BaseEventLoop):
    """See the module's text. `complaints`: exceptions that nobody caught."""

    def __init__(self) -> None:
        super().__init__()
        self.complaints: list[str] = []
        self._virtual = 0.0
        self._clock_resolution = 1e-9
        self._selector = _NoSelector(self)
        self._numbers = count()
        self._every_task: list[_Task] = []
        self._ready: Any
        self._scheduled: list[asyncio.TimerHandle]
        self.set_task_factory(self._make_task)
        self.set_exception_handler(self._complain)

    def time(self) -> float:
        return self._virtual

    def jump(self) -> None:
        """Let time pass until the next timer."""
        self._virtual = max(self._virtual, self._scheduled[0].when())

    def resume(self, handles: list[asyncio.Handle]) -> None:
        """Run these soon."""
        self._ready.extend(handles)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        handle = _TimerHandle(next(self._numbers), when, callback, args, self, context)
        heapq.heappush(self._scheduled, handle)
        handle._scheduled = True  # type: ignore[attr-defined]
        return handle

    def _call_soon(
        self, callback: Callable[..., object], args: Any, context: Context | None
    ) -> asyncio.Handle:
        handle = _Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def _make_task(self, _loop: object, work: Any, **kwargs: Any) -> asyncio.Task[Any]:
        task = _Task(next(self._numbers), work, loop=self, **kwargs)
        self._every_task.append(task)  # a killed one must not be collected: that would run it
        return task

    def _complain(self, _loop: object, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.complaints.append(f"{context['message']}: {error!r}")

    def _process_events(self, event_list: list[Any]) -> None: ...

    def _write_to_self(self) -> None: ...

    async def end(self, processes: list[Process]) -> None:
        """Cancel everything that still runs, of living and killed processes alike."""
        for process in processes:
            process.release()
        me = asyncio.current_task()
        for _ in range(10):  # what ends may need, or start, something that is to end as well
            rest = [task for task in self._every_task if task is not me and not task.done()]
            if not rest:
                break
            for task in rest:
                task.cancel()
            await asyncio.wait(rest, timeout=100)
        else:
            raise RuntimeError(f"these tasks do not end: {rest}")
        self._every_task.clear()


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine on a loop of its own, whatever contexts surround the caller."""
    loop = SimLoop()
    try:
        return copy_context().run(loop.run_until_complete, main)
    finally:
        loop.close()
