"""What happens before and after every request: foreign pages are refused, answers are counted."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kull_gateway.metrics import GatewayMetrics
from kull_gateway.origins import ANY, Origins
from kull_gateway.problems import problem

CORS_HEADERS: Final = ("Authorization", "Content-Type", "Idempotency-Key", "traceparent")
_SAFE: Final = ("GET", "HEAD", "OPTIONS")


class Cors(CORSMiddleware):
    """Starlette's CORS with our rules about origins."""

    def __init__(self, app: ASGIApp, origins: Origins) -> None:
        super().__init__(
            app,
            allow_origins=sorted(origins.allowed),
            allow_methods=("GET", "POST", "DELETE"),
            allow_headers=CORS_HEADERS,
            max_age=600,
        )
        self._origins = origins

    def is_allowed_origin(self, origin: str) -> bool:
        """Return whether a page of another host may read our answers."""
        return self._origins.allows(origin, host="") or ANY in self._origins.allowed


class Guard:
    """Refuses what a foreign page triggers, and counts."""

    def __init__(self, app: ASGIApp, origins: Origins, metrics: GatewayMetrics) -> None:
        self._app = app
        self._origins = origins
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        app = self._app
        if self._is_foreign(scope):
            self._metrics.foreign.value += 1
            app = problem(
                HTTPStatus.FORBIDDEN,
                "pages of this origin may not call: add it to KULL_ORIGINS if it is yours",
            )
        try:
            await app(scope, receive, noting)
        finally:
            path = _path(scope)
            self._metrics.answered(path, status, time.perf_counter() - started)

    def _is_foreign(self, scope: Scope) -> bool:
        if scope["method"] in _SAFE:
            return False
        headers = Headers(scope=scope)
        return not self._origins.allows(headers.get("origin", ""), headers.get("host", ""))


def _path(scope: Scope) -> str:
    """Return the route's path: what callers make up would be series without end."""
    route = scope.get("route")
    return str(getattr(route, "path", "other"))
