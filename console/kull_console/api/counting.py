"""Counts answers, whoever gives them."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kull_console.measures import ConsoleMeasures
from kull_protos.common.measures import OTHER


class Counting:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, measures: ConsoleMeasures) -> None:
        self._app = app
        self._requests = measures.requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI. Counted when the answer begins: one that is live may last for hours."""

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                # What callers make up would be series without end.
                path = str(getattr(scope.get("route"), "path", OTHER))
                self._requests.add(path, str(message["status"]))
            await send(message)

        await self._app(scope, receive, noting)
