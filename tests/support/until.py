"""Waiting for what no event tells."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any


async def until(condition: Callable[[], Any], *, seconds: float = 5, every: float = 0.01) -> None:
    """Return once the condition, or what it is awaited for, is true.

    Args:
        condition: asked again and again; may be a coroutine function.
        seconds: how long.
        every: seconds between two looks; 0: at each turn of the loop.

    Raises:
        TimeoutError: it was not; the text has the condition's source.
    """
    try:
        async with asyncio.timeout(seconds) as limit:
            while not await _holds(condition):
                await asyncio.sleep(every)
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise TimeoutError(f"not within {seconds:g} s: {_source(condition)}") from error


async def _holds(condition: Callable[[], Any]) -> bool:
    found = condition()
    return bool(await found if inspect.isawaitable(found) else found)


def _source(condition: Callable[[], Any]) -> str:
    try:
        return inspect.getsource(condition).strip()
    except (OSError, TypeError):  # built in, or typed at a prompt
        return repr(condition)
