"""What happens around every request: pages of others are refused, and nothing is kept."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kull_protos.common.origins import Origins

SAFE: Final = ("GET", "HEAD")
HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SameSite:
    """Lets pages of the console's own origin change something, and no others.

    origin: where browsers reach it; empty: at the host that they name.
    """

    def __init__(self, app: ASGIApp, origin: str = "") -> None:
        self._app = app
        self._origins = Origins(allowed=frozenset({origin} if origin else ()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        app = _REFUSED if self._is_foreign(scope) else self._app
        await app(scope, receive, adding)

    def _is_foreign(self, scope: Scope) -> bool:
        if scope["method"] in SAFE:
            return False
        headers = Headers(scope=scope)
        if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return True
        return not self._origins.allows(headers.get("origin", ""), headers.get("host", ""))


_REFUSED: Final = JSONResponse(
    {
        "type": "about:blank",
        "title": HTTPStatus.FORBIDDEN.phrase,
        "status": HTTPStatus.FORBIDDEN,
        "detail": "pages of this origin may not act here: set KULL_CONSOLE_URL if it is yours",
    },
    status_code=HTTPStatus.FORBIDDEN,
    media_type="application/problem+json",
)
