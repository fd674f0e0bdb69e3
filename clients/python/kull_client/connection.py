"""One WebSocket, from its HELLO to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, NoReturn

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from kull_client import close_codes, messages
from kull_client.errors import BadMessage, NotConnected, SyncClosed
from kull_client.inbox import Inbox
from kull_client.reconnect import Ended
from kull_client.requests import Requests
from kull_client.session import (
    Delivery,
    Incoming,
    Reconnect,
    Refused,
    Session,
    Staleness,
    Welcomed,
)

log = logging.getLogger("kull_client")
V2: Final = Subprotocol("kull.sync.v2")
FLUSH_TIMEOUT: Final = 2.0  # seconds
RENEWAL_TIMEOUT: Final = 10.0  # seconds
NO_CLOSE_FRAME: Final = 1006
TRY_AGAIN: Final = frozenset({408, 425, 429})  # the HTTP 4xx that may go away

# websockets logs whole frames at DEBUG, and with HELLO the token.
_quiet = logging.getLogger("kull_client.websocket")
_quiet.setLevel(logging.WARNING)


class Connection:
    """Connects once and serves that connection. `run` says how it ended.

    skipped: called with what could not be read, and was no stored event.
    """

    def __init__(
        self,
        session: Session,
        inbox: Inbox,
        requests: Requests,
        skipped: Callable[[BadMessage], None],
        fresh_token: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        self._session = session
        self._inbox = inbox
        self._requests = requests
        self._skipped = skipped
        self._fresh_token = fresh_token
        self._renewal_changed = asyncio.Event()
        self._socket: ClientConnection | None = None
        self._welcomed_at: float | None = None
        self._acks_changed = asyncio.Event()
        self._complaint = ""
        self._slot: float | None = None  # when a leaving server wants this device elsewhere

    @property
    def is_open(self) -> bool:
        """Whether the server has welcomed this device."""
        return self._socket is not None and self._welcomed_at is not None

    async def run(
        self, url: str, hello: str, *, within: float, on_change: Callable[[], None]
    ) -> Ended:
        """Connect, serve until the connection ends, and say how.

        within: seconds until the session must be open.

        on_change: called when the session is open, and when it becomes stale or fresh.

        Raises:
            SyncClosed: connecting again cannot help.
        """
        self._slot = self._welcomed_at = None
        deadline = _now() + within
        try:
            async with connect(
                url,
                subprotocols=[V2],
                compression=None,
                open_timeout=within,
                close_timeout=FLUSH_TIMEOUT,
                logger=_quiet,
            ) as socket:
                if socket.subprotocol != V2:
                    raise SyncClosed(1002, f"it does not speak {V2}")
                async with asyncio.timeout_at(deadline) as patience:
                    return await self._serve(socket, hello, on_change, patience)
        except ConnectionClosed as error:
            return self._closed(error)
        except InvalidStatus as error:
            return _refused(error.response.status_code)
        except TimeoutError:
            return self._ended(f"no connection within {within:g} s")
        except (OSError, InvalidHandshake) as error:
            return self._ended(str(error) or type(error).__name__)
        finally:
            self._socket = None
            self._requests.disconnected()

    async def send(self, text: str) -> None:
        """Send a message. Raises NotConnected."""
        if self._socket is None or not self.is_open:
            raise NotConnected("there is no connection right now: send it again later")
        try:
            await self._socket.send(text)
        except ConnectionClosed as error:
            raise NotConnected("the connection was just lost: send it again") from error

    def processed(self, delivery: Delivery) -> None:
        """The application is done with an event."""
        before = self._session.acks.at
        self._session.processed(delivery, _now())
        if self._session.acks.at != before:
            self._acks_changed.set()

    async def flush(self) -> None:
        """Acknowledge what was processed, if the connection still stands."""
        if self._socket is not None and self.is_open:
            with suppress(ConnectionClosed, TimeoutError):
                async with asyncio.timeout(FLUSH_TIMEOUT):
                    await self._send_acks(self._socket)

    async def close(self) -> None:
        """Acknowledge what was processed and close, if the connection still stands."""
        if self._socket is not None and self.is_open:
            await self.flush()
            await self._socket.close()

    async def _serve(
        self,
        socket: ClientConnection,
        hello: str,
        on_change: Callable[[], None],
        patience: asyncio.Timeout,
    ) -> Ended:
        """Say HELLO and serve; `patience` ends with WELCOME."""
        await socket.send(hello)
        self._socket = socket
        beside = {asyncio.create_task(self._acknowledge(socket), name="kull-client-acks")}
        if self._fresh_token is not None:
            renewal = self._renew(self._fresh_token)
            beside.add(asyncio.create_task(renewal, name="kull-client-renewal"))
        try:
            await self._read(socket, on_change, patience)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)  # unlike `await task`, this cannot swallow a cancellation

    async def _read(
        self, socket: ClientConnection, on_change: Callable[[], None], patience: asyncio.Timeout
    ) -> NoReturn:
        """Take messages until the connection is closed."""
        while True:
            for each in self._taken(await socket.recv()):
                match each:
                    case Delivery():
                        await self._inbox.put(each)
                    case Welcomed():
                        patience.reschedule(None)
                        self._welcomed_at = _now()
                        on_change()
                        for message in self._session.rooms.again():
                            await socket.send(message)
                    case Staleness():
                        on_change()
                    case Reconnect(after):
                        self._slot = _now() + after
                    case _:
                        self._answer(each)

    def _taken(self, text: str | bytes) -> list[Incoming]:
        """Return what a message means. What cannot be read is skipped, so that the rest comes."""
        acks, renewal = self._session.acks, self._session.renewal
        before = acks.at, renewal.at
        try:
            return self._session.received(text, _now())
        except BadMessage as error:
            self._skipped(error)
            return []
        finally:
            if acks.at != before[0]:
                self._acks_changed.set()
            if renewal.at != before[1]:
                self._renewal_changed.set()

    def _answer(self, answer: Refused | object) -> None:
        known = self._requests.answered(answer)  # type: ignore[arg-type]
        if isinstance(answer, Refused) and not known:
            self._complaint = answer.message
            log.warning("the server complains: %s (%s)", answer.message, answer.code)

    async def _renew(self, fresh_token: Callable[[], Awaitable[str]]) -> None:
        """Give the connection a fresh token before the old one expires, or when it just has."""
        renewal = self._session.renewal
        task = asyncio.current_task()
        assert task is not None
        while not task.cancelling():  # `fresh_token` may have swallowed our cancellation
            await _until(renewal.at, self._renewal_changed)
            if renewal.at is not None and renewal.at <= _now():
                renewal.take()
                await self._refresh(fresh_token)

    async def _refresh(self, fresh_token: Callable[[], Awaitable[str]]) -> None:
        """Send a fresh token. If that fails the server says TOKEN_EXPIRED, and closes in the end.

        The next connection asks for one again.
        """
        ref, answer = self._requests.open()
        try:
            async with asyncio.timeout(RENEWAL_TIMEOUT):
                await self.send(messages.refresh(await fresh_token(), ref))
                await answer
        except Exception as error:  # the application's own function may raise anything
            log.warning("the token was not renewed: %s", error or type(error).__name__)
        finally:
            self._requests.close(ref)

    async def _acknowledge(self, socket: ClientConnection) -> None:
        with suppress(ConnectionClosed):  # who reads the socket says why
            while True:
                await _until(self._session.acks.at, self._acks_changed)
                at = self._session.acks.at
                if at is not None and at <= _now():
                    await self._send_acks(socket)

    async def _send_acks(self, socket: ClientConnection) -> None:
        for queue, seq in self._session.acks.take().items():
            await socket.send(messages.ack(queue, seq))

    def _ended(self, why: str) -> Ended:
        asked = None if self._slot is None else max(0.0, self._slot - _now())
        lasted = _now() - self._welcomed_at if self._welcomed_at is not None else 0.0
        return Ended(why=why, lasted=lasted, asked=asked)

    def _closed(self, error: ConnectionClosed) -> Ended:
        code = error.rcvd.code if error.rcvd else NO_CLOSE_FRAME
        reason = (error.rcvd.reason if error.rcvd else "") or self._complaint
        if not close_codes.may_reconnect(code):
            raise SyncClosed(code, reason) from error
        return self._ended(f"the connection was closed with {code}: {reason or 'no reason given'}")


def _refused(status: int) -> Ended:
    why = f"the server answered HTTP {status} instead of opening a WebSocket"
    if 400 <= status < 500 and status not in TRY_AGAIN:
        raise SyncClosed(status, f"{why}: is the URL right?")
    return Ended(why=why)


async def _until(at: float | None, changed: asyncio.Event) -> None:
    """Wait until a time has come (None: never), or it was changed."""
    with suppress(TimeoutError):
        async with asyncio.timeout_at(at):
            await changed.wait()
    changed.clear()


def _now() -> float:
    return asyncio.get_running_loop().time()
