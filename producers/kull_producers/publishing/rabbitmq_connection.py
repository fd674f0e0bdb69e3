"""A connection of aio-pika that notices silence, and can be dropped at once.

The library finds a silent peer after 33 s, waits for its word when it closes, and for ever where a
full socket is to be drained. Here the socket itself is at hand.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, Final, SupportsIndex, cast

import aio_pika
from aio_pika.connection import make_url
from aiormq.connection import TransportFactory
from aiormq.exceptions import AMQPConnectionError
from yarl import URL

CONFIRM_PATIENCE: Final = 10.0  # seconds; a busy RabbitMQ confirms within one or two


class RabbitConnection(aio_pika.Connection):
    """One connection; `connect` opens it, once.

    Args:
        url: as of `RabbitTransport`.
        name: how RabbitMQ's own tools show it.
        heartbeat: seconds between two words of RabbitMQ at most; after half as much again without
            any the connection is dropped.
        address: what the URL's host stands for now.

    Attributes:
        dropped: why it was dropped; empty while it was not.
    """

    def __init__(self, url: str, *, name: str, heartbeat: int, address: str) -> None:
        super().__init__(
            make_url(url, heartbeat=heartbeat), client_properties={"connection_name": name}
        )
        self.dropped = ""
        self._abandoned = False
        self._patience = 1.5 * heartbeat
        self._socket: asyncio.Transport | None = None
        self._reader: _Reader | None = None
        self._watch: asyncio.TimerHandle | None = None
        self._unanswered_since: float | None = None
        self.kwargs["transport_factory"] = _Opening(self, address)

    @property
    def alive(self) -> bool:
        """Whether it is open, as far as is known."""
        # `is_closed` would only tell whether we have closed it, not whether it was lost.
        return self.connected.is_set() and not self._abandoned

    @property
    def blocked(self) -> bool:
        """Whether RabbitMQ takes no messages on it for now."""
        if self.transport is None or not self.alive:
            return False
        ready = cast("Coroutine[Any, Any, object]", self.transport.ready())
        try:
            ready.send(None)  # it waits only while the connection is blocked
        except StopIteration:
            return False
        finally:
            ready.close()
        return True

    def drop(self, why: str) -> None:
        """End it without a word; whoever waits for something on it gets an error. Idempotent."""
        self.dropped = self.dropped or why
        self.abort()

    def abort(self) -> None:
        """Close the socket and look after it no more. Idempotent."""
        self._abandoned = True
        if self._watch is not None:
            self._watch.cancel()
        if self._socket is not None:
            self._socket.abort()

    def asked(self) -> None:
        """Note that RabbitMQ owes a confirm."""
        if self._unanswered_since is None:
            self._unanswered_since = self.loop.time()

    def answered(self) -> None:
        """Note that RabbitMQ has confirmed or refused something."""
        self._unanswered_since = None

    def doubt(self) -> None:
        """Drop it if nothing was confirmed for long, as it seems: somebody has given up waiting."""
        if self._unanswered_since is None:
            return
        if self.blocked:
            self._unanswered_since = self.loop.time()
        elif (waited := self.loop.time() - self._unanswered_since) >= CONFIRM_PATIENCE:
            self.drop(f"has confirmed nothing for {waited:.0f} s")

    def opened(self, socket: asyncio.Transport, reader: _Reader) -> None:
        """Take the socket. A late one is closed: nobody waits for it any more."""
        self._socket, self._reader = socket, reader
        if self._abandoned:
            socket.abort()
        else:
            self._look()

    def _look(self) -> None:
        assert self._reader is not None
        assert self._socket is not None
        if self._socket.is_closing():
            return
        silent = self.loop.time() - self._reader.heard
        if silent >= self._patience:
            self.drop(f"was silent for {silent:.0f} s")
        else:
            self._watch = self.loop.call_later(self._patience - silent, self._look)


class _Reader(asyncio.StreamReader):
    """Knows when something was last heard."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._clock = loop.time
        self.heard = loop.time()

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        self.heard = self._clock()
        super().feed_data(data)


class _Opening(TransportFactory):
    """Opens a socket as `asyncio.open_connection` does, and shows it to the connection."""

    def __init__(self, connection: RabbitConnection, address: str) -> None:
        self._connection = connection
        self._address = address

    async def create(
        self, url: URL, **options: Any
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        tls = options.pop("ssl_context_provider")
        context = await tls.get_context() if url.scheme == "amqps" else None
        assert url.host is not None
        assert url.port is not None
        loop = asyncio.get_running_loop()
        reader = _Reader(loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        try:
            socket, _ = await loop.create_connection(
                lambda: protocol,
                self._address,
                url.port,
                ssl=context,
                server_hostname=url.host if context else None,
                **options,
            )
        except OSError as error:
            raise AMQPConnectionError(*error.args) from error
        self._connection.opened(socket, reader)
        return reader, asyncio.StreamWriter(socket, protocol, reader, loop)
