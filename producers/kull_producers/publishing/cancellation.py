"""Whose a cancellation is: the caller's, or a library's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")
GRACE: Final = 1.0  # seconds that a cancelled call gets to tidy up


class Cancellation:
    """Whether the current task was asked to end after this was made.

    A CancelledError does not tell. A library that finds its connection dead cancels what its
    callers wait for; and `asyncio.wait_for` before Python 3.12 and task groups lose a cancellation
    that comes together with an error. So whatever tries again asks here before each round: the
    time-out around it, or whoever stops it, cancels once and no more.
    """

    __slots__ = ("_before", "_task")

    def __init__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._before = task.cancelling()

    @property
    def asked(self) -> bool:
        """Whether somebody wants the task to end."""
        return self._task.cancelling() > self._before

    def check(self) -> None:
        """Raise CancelledError if somebody wants the task to end."""
        if self.asked:
            raise asyncio.CancelledError


async def apart(call: Coroutine[Any, Any, T], *, within: float, give_up: Callable[[], None]) -> T:
    """Run a library's call in a task of its own, and return what it returns.

    There it can swallow no cancellation of ours, pass on none of its own, and outlast no time-out.

    Raises:
        TimeoutError: it has not ended within so many seconds; `give_up` was called.
        ConnectionError: the library has cancelled it.
    """
    task = asyncio.create_task(call, name="kull-library-call")
    try:
        await asyncio.wait({task}, timeout=within)
        if not task.done():
            give_up()
            raise TimeoutError(f"no answer within {within:g} s")
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=GRACE)
        task.add_done_callback(_retrieved)
    if task.cancelled():
        raise ConnectionError("given up by the client library")
    return task.result()


def _retrieved(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()
