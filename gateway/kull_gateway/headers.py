"""The headers of every HTTP answer, whoever in the app gives it."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Final
from urllib.parse import unquote

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kull_gateway.request_target import origin_form
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

        await self._app(_in_origin_form(scope), receive, adding)


def _in_origin_form(scope: Scope) -> Scope:
    """Return the scope of a request that names a whole address as if it had named the path."""
    target: bytes = scope.get("raw_path", b"")
    if target.startswith(b"/") or scope["type"] != "http":
        return scope
    line = b"GET %s HTTP/1.1\r\nHost: h\r\n\r\n" % target
    rewritten = origin_form(line)
    if rewritten == line:
        return scope
    path, host = rewritten.split(b" ", 2)[1], rewritten.partition(b"Host: ")[2].split(b"\r\n")[0]
    headers = [each for each in scope["headers"] if each[0] != b"host"]
    return {
        **scope,
        "path": unquote(path.decode("ascii")),
        "raw_path": path,
        "headers": [(b"host", host), *headers],
    }


def bare_answer(status: str, reason: str = "") -> bytes:
    """Return an answer to what never became a request, after which the connection ends."""
    body = f"{reason}\n" if reason else ""
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\n{HEADER_LINES}Connection: close\r\n\r\n{body}"
    ).encode()


TOO_LATE: Final = bare_answer("408 Request Timeout", "the request was not whole in time")
MALFORMED: Final = bare_answer("400 Bad Request", "this is no HTTP request that can be read")
