"""A page for probes and metrics: one request, one answer, and the connection ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final, NamedTuple, cast

from kull_protos.common.places import PlaceLimits, Places
from kull_protos.common.request_target import origin_form
from kull_protos.common.security_headers import HEADER_LINES
from kull_protos.serving.listener import Listener, bind

MAX_HEAD: Final = 16_384  # bytes
TIMEOUT: Final = 5.0  # seconds for a request's head, and again for reading the answer
CONNECTIONS: Final = 64  # the one that has waited the longest is cut for a newer


class Answer(NamedTuple):
    """What a route answers."""

    status: HTTPStatus
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"


Routes = Mapping[str, Callable[[], Answer]]


def probes(ready: Callable[[], bool]) -> Routes:
    """Return the routes /livez and /readyz."""

    def readyz() -> Answer:
        return plain(HTTPStatus.OK if ready() else HTTPStatus.SERVICE_UNAVAILABLE)

    return {"/livez": lambda: plain(HTTPStatus.OK), "/readyz": readyz}


def metrics(latest: Callable[[], bytes], content_type: str) -> Routes:
    """Return the route /metrics; `latest` returns what Prometheus reads."""
    return {"/metrics": lambda: Answer(HTTPStatus.OK, latest(), content_type)}


def plain(status: HTTPStatus) -> Answer:
    """Return an answer of a few words."""
    return Answer(status, f"{status.phrase}\n".encode())


class StatusPage:
    """`async with StatusPage(host, port, routes):` serves GET and HEAD of the routes.

    Entering raises OSError when the port cannot be used.
    """

    def __init__(self, host: str, port: int, routes: Routes, *, timeout: float = TIMEOUT) -> None:
        self._host, self._port = host, port
        self._routes = routes
        self._timeout = timeout
        self._open: set[_Connection] = set()
        self._places = Places(PlaceLimits(waiting=CONNECTIONS))
        self._listener: Listener | None = None

    @property
    def port(self) -> int:
        """The port that it is served on."""
        assert self._listener is not None, "not entered"
        return self._listener.address[1]

    async def __aenter__(self) -> StatusPage:
        """Listen. Raises OSError."""
        self._listener = Listener(
            bind(self._host, self._port), self._connection, shed=self._places.shed
        )
        self._listener.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Accept nothing more, and cut."""
        if self._listener:
            self._listener.close()
        for connection in list(self._open):
            connection.abort()

    def _connection(self) -> _Connection:
        return _Connection(self._routes, self._places, self._open, self._timeout)


class _Connection(asyncio.Protocol):
    def __init__(
        self, routes: Routes, places: Places, opened: set[_Connection], timeout: float
    ) -> None:
        self._routes = routes
        self._places = places
        self._opened = opened
        self._timeout = timeout
        self._head = bytearray()
        self._answered = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._opened.add(self)
        self._place = self._places.enter(self.abort, peer="")
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(2 * self._timeout, self.abort)
        self._dawdles = loop.call_later(self._timeout, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._deadline.cancel()
        self._dawdles.cancel()
        self._opened.discard(self)
        self._places.leave(self._place)

    def data_received(self, data: bytes) -> None:
        if self._answered:
            return
        self._head += data
        if b"\r\n\r\n" in self._head:
            self._answer()
        elif len(self._head) > MAX_HEAD:
            self._write(plain(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE), with_body=True)

    def abort(self) -> None:
        """Drop the connection at once."""
        self._transport.abort()

    def _late(self) -> None:
        if not self._answered:
            self.abort()

    def _answer(self) -> None:
        method, _, rest = origin_form(bytes(self._head)).partition(b"\r\n")[0].partition(b" ")
        path = rest.split(b" ", 1)[0].split(b"?", 1)[0].decode("latin-1")
        if method not in (b"GET", b"HEAD"):
            self._write(plain(HTTPStatus.METHOD_NOT_ALLOWED), with_body=True)
            return
        route = self._routes.get(path)
        answer = route() if route else plain(HTTPStatus.NOT_FOUND)
        self._write(answer, with_body=method == b"GET")

    def _write(self, answer: Answer, *, with_body: bool) -> None:
        self._answered = True
        self._head.clear()
        status = answer.status
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {answer.content_type}\r\n"
            f"Content-Length: {len(answer.body)}\r\n{HEADER_LINES}Connection: close\r\n\r\n"
        )
        self._transport.write(head.encode() + (answer.body if with_body else b""))
        if self._transport.can_write_eof():
            self._transport.write_eof()
