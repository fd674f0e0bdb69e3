"""One TCP connection: WebSocket or a short HTTP answer. Callbacks only, no task per connection.

The WebSocket protocol itself is websockets' sans-I/O `ServerProtocol`; this file moves its bytes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, Protocol, cast

from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.frames import Frame, Opcode
from websockets.headers import parse_subprotocol
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from kull_edge.protocol import handshake
from kull_edge.protocol.handshake import Handshake
from kull_edge.protocol.outgoing import OutFrame
from kull_edge.socket.door import Turned
from kull_protos.common.rates import Bucket

WS_PATH: Final = b"/ws"
SLICE: Final = 4096  # bytes that are taken before the device's rates are looked at again
MAX_REASON: Final = 123  # bytes of a close reason (RFC 6455, 5.5)
INVALID_DATA: Final = 1007

# websockets logs request lines, and with them tokens, at DEBUG.
_quiet = logging.getLogger("kull_edge.websocket")
_quiet.setLevel(logging.WARNING)

HttpFallback = Callable[[], asyncio.Protocol]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionConfig:
    """Limits of a connection, in bytes.

    Attributes:
        max_message: a device's message; a larger one closes with 1009.
        write_high: above this in the write buffer the socket counts as not writable.
        write_limit: above this the connection is cut: its peer reads nothing and sends a lot.
        max_head: a request's head.
        max_query: the request's target, with its query.
        message_rate, message_burst: frames of a device per second, and at once; 0: no limit.
        byte_rate, byte_burst: its bytes.
        compression: whether permessage-deflate is offered.
        http_fallback: makes the protocol that serves everything but `/ws`.
    """

    max_message: int = 65_536
    write_high: int = 65_536
    write_limit: int = 1_048_576
    max_head: int = 16 * 1024
    max_query: int = 8 * 1024
    message_rate: float = 0.0
    message_burst: float = 1.0
    byte_rate: float = 0.0
    byte_burst: float = 1.0
    compression: bool = False
    http_fallback: HttpFallback | None = None


class ConnectionHost(Protocol):
    """Who owns the connections. All calls are synchronous, on the event loop."""

    @property
    def ready(self) -> bool:
        """Whether `/readyz` says yes."""
        ...

    def connected(self, connection: Connection) -> int:
        """TCP is there, the request's head is awaited. Returns the connection's number."""
        ...

    def admit(self, connection: Connection, request: Request) -> Turned | None:
        """The upgrade request came. Returns why it is refused, if it is."""
        ...

    def refused(self, why: str) -> None:
        """A request was refused before it was read: `head` or `query` is too long."""
        ...

    def failed(self, code: int) -> None:
        """The peer broke the WebSocket protocol, or a limit of it, and is closed with this code."""
        ...

    def throttled(self, connection: Connection) -> None:
        """The device sends more than it may: for a moment nothing more is read."""
        ...

    def opened(self, connection: Connection, request: Handshake) -> None:
        """The WebSocket is open."""
        ...

    def received(self, connection: Connection) -> None:
        """Bytes came."""
        ...

    def text(self, connection: Connection, text: str) -> None:
        """A text message came."""
        ...

    def binary(self, connection: Connection) -> None:
        """A binary message came."""
        ...

    def pong(self, connection: Connection, payload: bytes) -> None:
        """A pong came."""
        ...

    def writable(self, connection: Connection, writable: bool) -> None:
        """The write buffer is full, or has room again."""
        ...

    def closing(self, connection: Connection) -> None:
        """Nothing more will be read; if the peer does not end the connection soon, `abort` it."""
        ...

    def lost(self, connection: Connection) -> None:
        """The connection is gone, or is served by the fallback now."""
        ...


class Connection(asyncio.Protocol):
    """See the module's text."""

    __slots__ = (
        "_answered",
        "_bytes",
        "_config",
        "_ended",
        "_fragments",
        "_head",
        "_held",
        "_host",
        "_loop",
        "_messages",
        "_out",
        "_resume_at",
        "_transport",
        "_ws",
        "number",
    )

    def __init__(self, host: ConnectionHost, config: ConnectionConfig) -> None:
        self.number = 0
        self._host = host
        self._config = config
        self._loop = asyncio.get_running_loop()  # kept: asking each time costs a system call
        self._transport: asyncio.Transport | None = None
        self._ws: ServerProtocol | None = None
        self._head = bytearray()
        self._fragments: list[bytes] = []
        self._out: list[bytes] = []
        self._messages = Bucket(rate=config.message_rate, burst=config.message_burst)
        self._bytes = Bucket(rate=config.byte_rate, burst=config.byte_burst)
        self._held = bytearray()  # read before reading was paused
        self._resume_at: asyncio.TimerHandle | None = None
        self._ended = False  # the protocol has written its last byte
        self._answered = False  # a plain HTTP answer was given

    @property
    def is_websocket(self) -> bool:
        """Whether the upgrade request has come."""
        return self._ws is not None

    # What the host does

    def send(self, frames: Iterable[OutFrame]) -> None:
        """Add texts to what the next `flush` writes; nothing once the closing has begun."""
        ws = self._ws
        if ws is None or ws.state is not State.OPEN:
            return
        if not ws.extensions:
            self._out += [frame.wire for frame in frames]
            return
        for frame in frames:  # compressed: each socket has its own dictionary
            ws.send_text(frame.text)
        self._collect()

    def ping(self, payload: bytes) -> None:
        """Add a ping to what the next `flush` writes."""
        if self._ws and self._ws.state is State.OPEN:
            self._ws.send_ping(payload)
            self._collect()

    def close(self, code: int, reason: str) -> None:
        """Begin the closing handshake with the next `flush`."""
        if self._ws and self._ws.state is State.OPEN:
            self._ws.send_close(code, _cut(reason))
            self._collect()
            self._host.closing(self)

    def abort(self) -> None:
        """Drop the connection at once."""
        if self._transport:
            self._transport.abort()

    def flush(self) -> None:
        """Write everything added so far in one go."""
        transport = self._transport
        if transport is None or transport.is_closing():
            self._out.clear()
            return
        if self._out:
            data = b"".join(self._out)
            self._out.clear()
            transport.write(data)
        if transport.get_write_buffer_size() > self._config.write_limit:
            transport.abort()
        elif self._ended:
            self._end()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=self._config.write_high)
        self.number = self._host.connected(self)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._ws:
            self._host.received(self)
            self._take(data)
        elif not self._answered:
            self._head += data
            self._read_head()

    def eof_received(self) -> None:
        """See asyncio.Protocol: returning None closes the transport."""
        if self._ws:
            self._ws.receive_eof()
            self._collect()
            self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        del exc
        self._transport = None
        if self._resume_at:
            self._resume_at.cancel()
        self._host.lost(self)

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        self._host.writable(self, False)

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self._host.writable(self, True)

    # HTTP

    def _read_head(self) -> None:
        end = self._head.find(b"\r\n\r\n")
        if end < 0:
            if len(self._head) > self._config.max_head:
                self._host.refused("head")
                self._answer(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        method, _, rest = bytes(self._head).split(b"\r\n", 1)[0].partition(b" ")
        target = rest.split(b" ", 1)[0]
        path = target.split(b"?", 1)[0]
        if len(target) > self._config.max_query:
            self._host.refused("query")
            self._answer(HTTPStatus.REQUEST_URI_TOO_LONG)
        elif path == WS_PATH:
            self._upgrade(end + 4)
        elif self._config.http_fallback:
            self._hand_over(self._config.http_fallback())
        elif path == b"/livez" and method == b"GET":
            self._answer(HTTPStatus.OK)
        elif path == b"/readyz" and method == b"GET":
            self._answer(HTTPStatus.OK if self._host.ready else HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            self._answer(HTTPStatus.NOT_FOUND)

    def _answer(self, status: HTTPStatus) -> None:
        if self._transport:
            body = f"{status.phrase}\n".encode()
            self._transport.write(
                f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: text/plain\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
                + body
            )
            self._answered = True
            self._end()

    def _hand_over(self, protocol: asyncio.Protocol) -> None:
        transport, self._transport = self._transport, None
        if transport:
            transport.set_write_buffer_limits()
            transport.set_protocol(protocol)
            protocol.connection_made(transport)
            protocol.data_received(bytes(self._head))
        self._head.clear()
        self._host.lost(self)

    def _upgrade(self, end: int) -> None:
        head, rest = bytes(self._head[:end]), bytes(self._head[end:])
        self._head.clear()
        ws = self._ws = ServerProtocol(
            extensions=[_deflate()] if self._config.compression else None,
            select_subprotocol=_select,
            max_size=self._config.max_message,
            logger=_quiet,
        )
        ws.receive_data(head)
        for event in ws.events_received():
            if isinstance(event, Request):
                ws.send_response(self._response(ws, event))
                self._collect()
                if ws.state is State.OPEN:
                    self._host.opened(self, handshake.read(event.path, _offered(event)))
        self._collect()
        if ws.state is not State.OPEN and not self._out:  # no HTTP that ServerProtocol can read
            self._answer(HTTPStatus.BAD_REQUEST)
            return
        if rest and ws.state is State.OPEN:
            self._take(rest)
        self.flush()

    def _response(self, ws: ServerProtocol, request: Request) -> Response:
        turned = self._host.admit(self, request)
        if turned is None:
            return ws.accept(request)
        response = ws.reject(turned.status, f"{turned.reason}\n")
        if turned.retry_after:
            response.headers["Retry-After"] = str(turned.retry_after)
        return response

    @property
    def peer(self) -> str:
        """The address at the other end, empty if there is none."""
        name = self._transport.get_extra_info("peername") if self._transport else None
        return str(name[0]) if isinstance(name, tuple) else ""

    # How much a device may send

    def _take(self, data: bytes) -> None:
        """Feed what came, a slice at a time, until the device has sent more than it may."""
        if not self._held and len(data) <= SLICE and self._resume_at is None:
            self._feed(data)
            self._pay(len(data))
            return
        self._held += data
        while self._held and self._resume_at is None and self._transport:
            piece = bytes(self._held[:SLICE])
            del self._held[:SLICE]
            self._feed(piece)
            self._pay(len(piece))

    def _pay(self, size: int) -> None:
        now = self._loop.time()
        wait = max(self._messages.spend(0, now), self._bytes.spend(size, now))
        if wait and self._transport and not self._transport.is_closing():
            self._transport.pause_reading()
            self._resume_at = self._loop.call_later(wait, self._resume)
            self._host.throttled(self)

    def _resume(self) -> None:
        self._resume_at = None
        if self._transport and not self._transport.is_closing():
            self._transport.resume_reading()
            self._take(b"")

    # WebSocket

    def _feed(self, data: bytes) -> None:
        ws = self._ws
        if ws is None or ws.state is State.CLOSED:
            return
        was_open = ws.state is State.OPEN
        ws.receive_data(data)
        if was_open and ws.close_sent and not ws.close_rcvd:
            self._host.failed(ws.close_sent.code)
        self._collect()
        for event in ws.events_received():
            if isinstance(event, Frame):
                self._frame(event)
        self._collect()
        self.flush()

    def _frame(self, frame: Frame) -> None:
        self._messages.spend(1, self._loop.time())
        match frame.opcode:
            case Opcode.TEXT | Opcode.BINARY | Opcode.CONT:
                if frame.opcode is Opcode.BINARY:
                    self._host.binary(self)
                    return
                if frame.data:  # else any number of empty fragments would pile up
                    self._fragments.append(bytes(frame.data))
                if frame.fin:
                    data = b"".join(self._fragments)
                    self._fragments.clear()
                    self._text(data)
            case Opcode.PONG:
                self._host.pong(self, bytes(frame.data))
            case _:
                pass  # ServerProtocol answers PING and CLOSE itself

    def _text(self, data: bytes) -> None:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            if self._ws and self._ws.state is State.OPEN:
                self._ws.fail(INVALID_DATA, "a text frame is not UTF-8")
                self._collect()
            return
        self._host.text(self, text)

    def _collect(self) -> None:
        """Take over what the protocol wants written; an empty chunk is its end of stream."""
        if self._ws:
            for chunk in self._ws.data_to_send():
                if chunk:
                    self._out.append(chunk)
                else:
                    self._ended = True

    def _end(self) -> None:
        """Nothing more is written: half-close, so that the peer still reads the last bytes."""
        self._ended = False
        if self._transport and self._transport.can_write_eof():
            self._transport.write_eof()
            self._host.closing(self)
        elif self._transport:
            self._transport.close()


def _select(ws: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    del ws
    return Subprotocol(handshake.V2) if handshake.V2 in offered else None


def _offered(request: Request) -> list[str]:
    offered: list[str] = []
    for value in request.headers.get_all("Sec-WebSocket-Protocol"):
        offered += parse_subprotocol(value)
    return offered


def _deflate() -> ServerPerMessageDeflateFactory:
    # 4 KiB windows and small tables: about 25 KB per connection instead of 300.
    return ServerPerMessageDeflateFactory(
        server_max_window_bits=12, client_max_window_bits=12, compress_settings={"memLevel": 5}
    )


def _cut(reason: str) -> str:
    return reason.encode()[:MAX_REASON].decode(errors="ignore")
