"""From a request's head to a WebSocket, or to a short HTTP answer."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import NamedTuple

from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.headers import parse_subprotocol
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from kull_edge.protocol import handshake
from kull_edge.protocol.handshake import Handshake
from kull_edge.socket.admission import Refusal, UpgradeRequest
from kull_edge.socket.config import ConnectionConfig
from kull_edge.socket.plain_head import VERSION
from kull_protos.common.security_headers import HEADER_LINES, SECURITY_HEADERS
from kull_protos.contract.subprotocols import V2

# websockets logs request lines, and with them tokens, at DEBUG.
_quiet = logging.getLogger("kull_edge.websocket")
_quiet.setLevel(logging.WARNING)


class RequestLine(NamedTuple):
    """What a request asks for; `target` is the path and its query."""

    method: bytes
    target: bytes
    path: bytes


def request_line(head: bytes) -> RequestLine:
    """Return the first line of a request's head, as far as it can be read."""
    method, _, rest = head.split(b"\r\n", 1)[0].partition(b" ")
    target = rest.split(b" ", 1)[0]
    return RequestLine(method, target, target.split(b"?", 1)[0])


def plain_answer(status: HTTPStatus, *, with_body: bool = True) -> bytes:
    """Return an HTTP answer of a few words, after which the connection ends."""
    body = f"{status.phrase}\n".encode()
    return (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/plain\r\n"
        f"Content-Length: {len(body)}\r\n{HEADER_LINES}Connection: close\r\n\r\n".encode()
        + (body if with_body else b"")
    )


def server_protocol(config: ConnectionConfig, *, is_open: bool = False) -> ServerProtocol:
    """Return the WebSocket protocol of one connection; its request comes, or was answered."""
    return ServerProtocol(
        state=State.OPEN if is_open else State.CONNECTING,
        extensions=[_deflate()] if config.compression else None,
        select_subprotocol=_select,
        max_size=config.max_message,
        logger=_quiet,
    )


def response(ws: ServerProtocol, request: Request, refusal: Refusal | None) -> Response:
    """Return the answer to an upgrade request."""
    versions = request.headers.get_all("Sec-WebSocket-Version")
    if refusal is None and versions and versions != [VERSION]:  # RFC 6455, 4.4
        answer = ws.reject(HTTPStatus.UPGRADE_REQUIRED, f"WebSocket version {VERSION} only\n")
        answer.headers["Upgrade"] = "websocket"
        answer.headers["Sec-WebSocket-Version"] = VERSION
    elif refusal is None:
        answer = ws.accept(request)
    else:
        return refused(ws, refusal)
    return answer if answer.status_code == HTTPStatus.SWITCHING_PROTOCOLS else _secured(answer)


def refused(ws: ServerProtocol, refusal: Refusal) -> Response:
    """Return the answer to an upgrade request that is right and not admitted."""
    answer = ws.reject(refusal.status, f"{refusal.reason}\n")
    if refusal.retry_after:
        answer.headers["Retry-After"] = str(refusal.retry_after)
    return _secured(answer)


def _secured(answer: Response) -> Response:
    for name, value in SECURITY_HEADERS.items():
        answer.headers[name] = value
    return answer


def read_upgrade(peer: str, request: Request) -> UpgradeRequest:
    """Return what an upgrade request says about its sender."""
    return UpgradeRequest(
        peer=peer,
        hosts=request.headers.get_all("Host"),
        # Several of them, put together, match nothing.
        origin=", ".join(request.headers.get_all("Origin")),
        forwarded=request.headers.get_all("X-Forwarded-For"),
    )


def read_handshake(request: Request) -> Handshake:
    """Return what an upgrade request says about the device."""
    offered: list[str] = []
    for value in request.headers.get_all("Sec-WebSocket-Protocol"):
        offered += parse_subprotocol(value)
    return handshake.read(request.path, offered)


def _select(ws: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    del ws
    return Subprotocol(V2) if V2 in offered else None


def _deflate() -> ServerPerMessageDeflateFactory:
    # 4 KiB windows and small tables: about 25 KB per connection instead of 300.
    return ServerPerMessageDeflateFactory(
        server_max_window_bits=12, client_max_window_bits=12, compress_settings={"memLevel": 5}
    )
