"""Whose a cancellation is: the caller's, or a library's."""

from __future__ import annotations

import asyncio


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
