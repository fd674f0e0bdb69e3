"""Where the tokens of a client's connections come from."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from kull_client.errors import Unauthorized

Token = str | Callable[[], Awaitable[str]]
CLOSE_WITHIN: Final = 1.0  # seconds for a function to end that is asked no longer


class NoToken(Exception):
    """None can be had now. `__cause__` is what the application's function has raised, if it did."""


class Tokens:
    """One text, or a function of the application, which may fail and hang.

    within: seconds that the function may take.
    """

    def __init__(self, source: Token, *, within: float) -> None:
        self._source, self._within = source, within
        self._asking: set[asyncio.Task[str]] = set()

    @property
    def renewable(self) -> bool:
        """Whether another token can be had when one has expired."""
        return not isinstance(self._source, str)

    async def get(self) -> str:
        """Return a token.

        Raises:
            Unauthorized: the function says that nobody is signed in.
            NoToken: it failed in another way, or took too long: ask again later.
        """
        if isinstance(self._source, str):
            return self._source
        # A task of its own: whatever the function does with a cancellation stays there.
        asking = asyncio.create_task(_ask(self._source), name="kull-client-token")
        self._asking.add(asking)
        asking.add_done_callback(self._done)
        try:
            done, _ = await asyncio.wait({asking}, timeout=self._within)
        finally:
            asking.cancel()
        if not done:
            raise NoToken(f"none came within {self._within:g} s")
        if asking.cancelled():
            raise NoToken("the function was cancelled")
        if error := asking.exception():
            if isinstance(error, Unauthorized) or not isinstance(error, Exception):
                raise error
            raise NoToken(str(error) or type(error).__name__) from error
        return asking.result()

    async def close(self) -> None:
        """Wait a moment for a function that is being cancelled."""
        if self._asking:
            await asyncio.wait(self._asking, timeout=CLOSE_WITHIN)

    def _done(self, asking: asyncio.Task[str]) -> None:
        self._asking.discard(asking)
        if not asking.cancelled():
            asking.exception()  # retrieved, whether or not somebody still waits for it


async def _ask(source: Callable[[], Awaitable[str]]) -> str:
    return await source()
