"""The port between connections and whoever owns them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kull_edge.protocol.handshake import Handshake
from kull_edge.socket.admission import Refusal, UpgradeRequest

if TYPE_CHECKING:
    from kull_edge.socket.connection import Connection


class ConnectionHost(Protocol):
    """Who owns the connections. All calls are synchronous, on the event loop."""

    @property
    def ready(self) -> bool:
        """Whether `/readyz` says yes."""
        ...

    def connected(self, connection: Connection) -> int:
        """TCP is there, the request's head is awaited. Returns the connection's number."""
        ...

    def admit(self, connection: Connection, request: UpgradeRequest) -> Refusal | None:
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
