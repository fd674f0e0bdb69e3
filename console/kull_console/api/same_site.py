"""What happens around every request: foreign and large ones are refused, and nothing is kept."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kull_protos.common.origins import Origins

SAFE: Final = ("GET", "HEAD")
MAX_BODY: Final = 64 * 1024  # bytes; a thousand ids of dead letters fit
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

        refusal = None if scope["method"] in SAFE else self._refusal(Headers(scope=scope))
        await (refusal or self._app)(scope, receive, adding)

    def _refusal(self, headers: Headers) -> JSONResponse | None:
        if self._is_foreign(headers):
            text = "pages of this origin may not act here: set KULL_CONSOLE_URL if it is yours"
            return told(HTTPStatus.FORBIDDEN, text)
        length = headers.get("content-length", "")
        if not length.isdecimal():
            return told(HTTPStatus.LENGTH_REQUIRED, "say how long the body is: Content-Length")
        if int(length) > MAX_BODY:
            text = f"a body has at most {MAX_BODY} bytes"
            return told(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)
        return None

    def _is_foreign(self, headers: Headers) -> bool:
        if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return True
        return not self._origins.allows(headers.get("origin", ""), headers.get("host", ""))


def told(status: HTTPStatus, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return an answer that says what is wrong, and what to do (RFC 9457)."""
    said = {"type": "about:blank", "title": status.phrase, "status": status, "detail": detail}
    return JSONResponse(
        said, status_code=status, headers=headers, media_type="application/problem+json"
    )
