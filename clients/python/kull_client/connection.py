"""One WebSocket, from its HELLO to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import Final, NoReturn

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from kull_client import close_codes, messages
from kull_client.dial import CLOSE_TIMEOUT, dial
from kull_client.errors import BadMessage, NotConnected, SyncClosed, SyncError, Unauthorized
from kull_client.inbox import Inbox
from kull_client.reconnect import Ended
from kull_client.requests import Requests
from kull_client.session import (
    Change,
    Delivery,
    Incoming,
    Reconnect,
    Refused,
    RosterChanged,
    Session,
    Staleness,
    StatusChanged,
    Welcomed,
)
from kull_client.subprotocols import V2
from kull_client.tokens import NoToken, Tokens

log = logging.getLogger("kull_client")
RENEWAL_TIMEOUT: Final = 10.0  # seconds
NO_CLOSE_FRAME: Final = 1006
TRY_AGAIN: Final = frozenset({408, 425, 429})  # the HTTP 4xx that may go away


class Connection:
    """Connects once and serves that connection. `run` says how it ended.

    skipped: called with what could not be read, and was no stored event.

    changed: called with what is different about others.
    """

    def __init__(
        self,
        session: Session,
        inbox: Inbox,
        requests: Requests,
        tokens: Tokens,
        skipped: Callable[[BadMessage], None],
        changed: Callable[[Change], None],
    ) -> None:
        self._session = session
        self._inbox = inbox
        self._requests = requests
        self._skipped = skipped
        self._changed = changed
        self._tokens = tokens
        self._signed_out: Unauthorized | None = None
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
            Unauthorized: the application said so when the token was to be renewed.
        """
        self._slot = self._welcomed_at = None
        deadline = _now() + within
        try:
            async with AsyncExitStack() as stack:
                try:
                    socket = await stack.enter_async_context(dial(url, within=within))
                except Exception as error:  # of whatever library, and from whoever answers there
                    return self._not_reached(error, within)
                if socket.subprotocol != V2:
                    raise SyncClosed(1002, f"it does not speak {V2}")
                async with asyncio.timeout_at(deadline) as patience:
                    return await self._serve(socket, hello, on_change, patience)
        except ConnectionClosed as error:
            if self._signed_out is not None:
                raise self._signed_out from None
            return self._closed(error)
        except TimeoutError as error:
            return self._not_reached(error, within)
        except OSError as error:
            return self._ended(str(error) or type(error).__name__, error)
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
                async with asyncio.timeout(CLOSE_TIMEOUT):
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
        if self._tokens.renewable:
            beside.add(asyncio.create_task(self._renew(socket), name="kull-client-renewal"))
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
                        for message in self._session.again():
                            await socket.send(message)
                    case Staleness():
                        on_change()
                    case RosterChanged() | StatusChanged():
                        self._changed(each)
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

    async def _renew(self, socket: ClientConnection) -> None:
        """Give the connection a fresh token before the old one expires, or when it just has."""
        renewal = self._session.renewal
        while True:
            await _until(renewal.at, self._renewal_changed)
            if renewal.at is not None and renewal.at <= _now():
                renewal.take(_now())
                try:
                    await self._refresh()
                except Unauthorized as error:
                    self._signed_out = error
                    await socket.close()
                    return

    async def _refresh(self) -> None:
        """Send a fresh token. If that fails it is tried again, until the server closes.

        Raises Unauthorized.
        """
        ref, answer = self._requests.open()
        try:
            token = await self._tokens.get()
            async with asyncio.timeout(RENEWAL_TIMEOUT):
                await self.send(messages.refresh(token, ref))
                await answer
        except Unauthorized:
            raise
        except (NoToken, SyncError, TimeoutError) as error:
            log.warning("the token was not renewed: %s", str(error) or type(error).__name__)
            self._session.renewal.failed(_now())
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

    def _not_reached(self, error: Exception, within: float) -> Ended:
        if isinstance(error, TimeoutError):
            return self._ended(f"no connection within {within:g} s", error)
        if isinstance(error, InvalidStatus):
            return self._answered(error)
        return self._ended(str(error) or type(error).__name__, error)

    def _answered(self, error: InvalidStatus) -> Ended:
        """Whoever answers is no WebSocket server; before the first WELCOME the URL may be wrong."""
        status = error.response.status_code
        why = f"the server answered HTTP {status} instead of opening a WebSocket"
        final = 400 <= status < 500 and status not in TRY_AGAIN
        if final and not self._session.was_welcomed:
            raise SyncClosed(status, f"{why}: is the URL right?") from error
        return self._ended(why, error)

    def _ended(self, why: str, cause: Exception | None = None) -> Ended:
        asked = None if self._slot is None else max(0.0, self._slot - _now())
        lasted = _now() - self._welcomed_at if self._welcomed_at is not None else 0.0
        return Ended(why=why, lasted=lasted, asked=asked, cause=cause)

    def _closed(self, error: ConnectionClosed) -> Ended:
        code = error.rcvd.code if error.rcvd else NO_CLOSE_FRAME
        reason = (error.rcvd.reason if error.rcvd else "") or self._complaint
        if not close_codes.may_reconnect(code):
            raise SyncClosed(code, reason) from error
        why = f"the connection was closed with {code}: {reason or 'no reason given'}"
        return self._ended(why, error)


async def _until(at: float | None, changed: asyncio.Event) -> None:
    """Wait until a time has come (None: never), or it was changed."""
    with suppress(TimeoutError):
        async with asyncio.timeout_at(at):
            await changed.wait()
    changed.clear()


def _now() -> float:
    return asyncio.get_running_loop().time()
