"""The gateway's FastAPI app on an edge's own port, by uvicorn's HTTP protocol."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

import uvicorn
from uvicorn.server import ServerState


class HttpSide:
    """Makes the protocol objects that serve what is not `/ws`."""

    def __init__(self, app: Callable[..., Any]) -> None:
        self._config = uvicorn.Config(
            # No access log: query strings may hold tokens.
            app,
            http="h11",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
        )
        self._config.load()
        self._state = ServerState()
        self._make = cast("Callable[..., asyncio.Protocol]", self._config.http_protocol_class)

    def protocol(self) -> asyncio.Protocol:
        """Return a protocol for one connection."""
        return self._make(config=self._config, server_state=self._state, app_state={})

    async def aclose(self, grace: float = 2.0) -> None:
        """Let running requests end within `grace` seconds, then cut them."""
        for connection in list(self._state.connections):
            connection.shutdown()
        tasks = list(self._state.tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace)
            for task in late:
                task.cancel("the server is stopping")
