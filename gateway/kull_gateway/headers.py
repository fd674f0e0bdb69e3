"""The headers of every HTTP answer, whoever in the app gives it."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kull_gateway.security_headers import HEADER_LINES, SECURITY_HEADERS


class WithHeaders:
    """Adds what says how browsers may use an answer, where it does not say so itself, and Date.

    `now` returns seconds since the Unix epoch.
    """

    def __init__(self, app: ASGIApp, now: Callable[[], float] = time.time) -> None:
        self._app = app
        self._now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""

        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Date", formatdate(self._now(), usegmt=True))
            await send(message)

        await self._app(scope, receive, adding)


def bare_answer(status: str, reason: str = "") -> bytes:
    """Return an answer to what never became a request, after which the connection ends."""
    body = f"{reason}\n" if reason else ""
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\n{HEADER_LINES}Connection: close\r\n\r\n{body}"
    ).encode()


TOO_LATE: Final = bare_answer("408 Request Timeout", "the request was not whole in time")
MALFORMED: Final = bare_answer("400 Bad Request", "this is no HTTP request that can be read")
