"""Messages of this device that wait for the server's answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count

from kull_client.errors import NotConnected, Rejected
from kull_client.session import Accepted, Refused


class Requests:
    """Answers find their message by its `ref`."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._waiting: dict[str, asyncio.Future[str]] = {}

    async def ask(
        self, message: Callable[[str], str], send: Callable[[str], Awaitable[None]], within: float
    ) -> str:
        """Send the message with a new `ref`, and return its answer within so many seconds.

        Raises what `send` raises, NotConnected, Rejected, TimeoutError.
        """
        ref, answer = self.open()
        try:
            async with asyncio.timeout(within):
                await send(message(ref))
                return await answer
        finally:
            self.close(ref)

    def open(self) -> tuple[str, asyncio.Future[str]]:
        """Return a new `ref`, and what will hold the event's id."""
        ref = str(next(self._numbers))
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting[ref] = answer
        return ref, answer

    def close(self, ref: str) -> None:
        """Wait no longer for this one."""
        self._waiting.pop(ref, None)

    def answered(self, answer: Accepted | Refused) -> bool:
        """Hand an answer to whoever waits for it; return whether somebody does."""
        waiting = self._waiting.pop(answer.ref, None)
        if waiting is None or waiting.done():
            return False
        if isinstance(answer, Accepted):
            waiting.set_result(answer.id)
        else:
            waiting.set_exception(Rejected(answer.code, answer.message))
        return True

    def disconnected(self) -> None:
        """Nobody will be answered on this connection any more."""
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(
                    NotConnected("the connection was lost before the answer: send it again")
                )
        self._waiting.clear()
