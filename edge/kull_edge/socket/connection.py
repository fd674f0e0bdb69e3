"""One TCP connection: WebSocket or a short HTTP answer. Callbacks only, no task per connection.

The WebSocket protocol itself is websockets' sans-I/O `ServerProtocol`; this file moves its bytes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Final, cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from kull_edge.protocol.outgoing import OutMessage
from kull_edge.socket import plain_head, upgrade
from kull_edge.socket.config import ConnectionConfig
from kull_edge.socket.host import ConnectionHost
from kull_edge.socket.plain_head import PlainHead
from kull_protos.common.rates import Bucket
from kull_protos.common.request_target import origin_form

WS_PATH: Final = b"/ws"
PROBES: Final = (b"/livez", b"/readyz")
SLICE: Final = 4096  # bytes that are taken before the device's rates are looked at again
MAX_REASON: Final = 123  # bytes of a close reason (RFC 6455, 5.5)
INVALID_DATA: Final = 1007

HttpFallback = Callable[[], asyncio.Protocol]


class Connection(asyncio.Protocol):
    """See the module's text.

    Args:
        host: who is told, and asked.
        config: its limits.
        write_limit: bytes in the write buffer above which the connection is cut: its peer reads
            nothing and sends a lot.
        http_fallback: makes the protocol that serves everything but `/ws`.
    """

    __slots__ = (
        "_answered",
        "_bytes",
        "_config",
        "_ended",
        "_fragments",
        "_head",
        "_held",
        "_host",
        "_http_fallback",
        "_loop",
        "_messages",
        "_out",
        "_resume_at",
        "_told",
        "_transport",
        "_write_limit",
        "_ws",
        "number",
    )

    def __init__(
        self,
        host: ConnectionHost,
        config: ConnectionConfig,
        *,
        write_limit: int,
        http_fallback: HttpFallback | None = None,
    ) -> None:
        self.number = 0
        self._host = host
        self._config = config
        self._write_limit = write_limit
        self._http_fallback = http_fallback
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
        self._told = False  # the device was sent something
        self._ended = False  # the protocol has written its last byte
        self._answered = False  # a plain HTTP answer was given

    @property
    def is_websocket(self) -> bool:
        """Whether the upgrade request has come."""
        return self._ws is not None

    # What the host does

    def send(self, messages: Iterable[OutMessage]) -> None:
        """Add messages to what the next `flush` writes; nothing once the closing has begun."""
        ws = self._ws
        if ws is None or ws.state is not State.OPEN:
            return
        self._told = True
        if not ws.extensions:
            self._out += [message.wire for message in messages]
            return
        for message in messages:  # compressed: each socket has its own dictionary
            ws.send_text(message.text)
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
        if transport.get_write_buffer_size() > self._write_limit:
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
        self._head[: end + 4] = origin_form(bytes(self._head[: end + 4]))
        end = self._head.find(b"\r\n\r\n")
        method, target, path = upgrade.request_line(bytes(self._head[:end]))
        if len(target) > self._config.max_query:
            self._host.refused("query")
            self._answer(HTTPStatus.REQUEST_URI_TOO_LONG)
        elif path == WS_PATH:
            self._upgrade(end + 4)
        elif self._http_fallback:
            self._hand_over(self._http_fallback())
        else:
            self._answer(self._plain_status(method, path), with_body=method != b"HEAD")

    def _plain_status(self, method: bytes, path: bytes) -> HTTPStatus:
        if path not in PROBES:
            return HTTPStatus.NOT_FOUND
        if method not in (b"GET", b"HEAD"):
            return HTTPStatus.METHOD_NOT_ALLOWED
        up = path == b"/livez" or self._host.ready
        return HTTPStatus.OK if up else HTTPStatus.SERVICE_UNAVAILABLE

    def _answer(self, status: HTTPStatus, *, with_body: bool = True) -> None:
        if self._transport:
            self._transport.write(upgrade.plain_answer(status, with_body=with_body))
            self._answered = True
            self._end()

    def _hand_over(self, protocol: asyncio.Protocol) -> None:
        transport, self._transport = self._transport, None
        self._host.lost(self)  # its place is free for the other protocol's
        if transport:
            transport.set_write_buffer_limits()
            transport.set_protocol(protocol)
            protocol.connection_made(transport)
            protocol.data_received(bytes(self._head))
        self._head.clear()

    def _upgrade(self, end: int) -> None:
        head, rest = bytes(self._head[:end]), bytes(self._head[end:])
        self._head.clear()
        plain = plain_head.read(head, self.peer, compression=self._config.compression)
        ws = self._plain(plain) if plain else self._unusual(head)
        self._collect()
        if ws.state is not State.OPEN and not self._out:  # no HTTP that ServerProtocol can read
            self._answer(HTTPStatus.BAD_REQUEST)
            return
        if rest and ws.state is State.OPEN:
            self._take(rest)
        self.flush()

    def _plain(self, head: PlainHead) -> ServerProtocol:
        refusal = self._host.admit(self, head.upgrade)
        ws = self._ws = upgrade.server_protocol(self._config, is_open=refusal is None)
        if refusal is None:
            self._out.append(head.answer)
            self._host.opened(self, head.handshake)
        else:
            ws.send_response(upgrade.refused(ws, refusal))
        return ws

    def _unusual(self, head: bytes) -> ServerProtocol:
        ws = self._ws = upgrade.server_protocol(self._config)
        ws.receive_data(head)
        for event in ws.events_received():
            if isinstance(event, Request):
                refusal = self._host.admit(self, upgrade.read_upgrade(self.peer, event))
                ws.send_response(upgrade.response(ws, event, refusal))
                self._collect()
                if ws.state is State.OPEN:
                    self._host.opened(self, upgrade.read_handshake(event))
        return ws

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
        # Held up on its way to us (we were stopped), until its device gave up: such a HELLO must
        # not take the place of the session that the device has elsewhere by now.
        given_up = ws.close_rcvd is not None and not self._told
        for event in ws.events_received():
            if isinstance(event, Frame) and not given_up:
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
                self._ws.fail(INVALID_DATA, "a text message is not UTF-8")
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


def _cut(reason: str) -> str:
    return reason.encode()[:MAX_REASON].decode(errors="ignore")
