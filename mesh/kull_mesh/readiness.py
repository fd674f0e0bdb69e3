"""When all parts are ready: waiting for that, while one may die instead."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

LOOK_EVERY: Final = 0.05  # seconds


async def until(ready: Callable[[], bool], dies: Coroutine[Any, Any, None]) -> None:
    """Return once `ready` says so. `dies` ends when a part does; raises what it died of."""
    died = asyncio.create_task(dies, name="died")
    try:
        while not ready():
            await asyncio.wait({died}, timeout=LOOK_EVERY)
            if died.done():
                died.result()
    finally:
        died.cancel()
        await asyncio.gather(died, return_exceptions=True)
