"""The device's side of Kull Sync: one object that stays connected and hands out events."""

from __future__ import annotations

import asyncio
import logging
import random as randomness
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Self, TypeVar
from uuid import uuid4

from kull_client import messages
from kull_client.asking import Asking
from kull_client.close_codes import CloseCode
from kull_client.connection import Connection
from kull_client.dial import is_websocket
from kull_client.errors import BadMessage, InvalidMessage, NotConnected, SyncClosed, SyncError
from kull_client.event import Device, Event, Position
from kull_client.inbox import Inbox
from kull_client.reconnect import Ended, Reconnecting
from kull_client.requests import Requests
from kull_client.rooms import PREFIX
from kull_client.session import Change, Delivery, RosterChanged, Session, StatusChanged
from kull_client.state import State
from kull_client.stats import Stats
from kull_client.statuses import UserStatus
from kull_client.tokens import NoToken, Token, Tokens

log = logging.getLogger("kull_client")
T = TypeVar("T")
DEFAULT_ATTEMPTS: Final = 10
DEFAULT_BUFFER: Final = 256  # events; above the server's window, so that it rarely fills


class SyncClient(Asking):
    """`async with SyncClient(url, token) as client: async for event in client: …`

    An event counts as processed, and is acknowledged, when the next one is asked for; the last one
    when the `async with` block is left without an error. Delivery is at least once; repeats are
    removed as long as this object lives. One task may iterate at a time.

    Args:
        url: `ws://…/ws` or `wss://…/ws`.
        token: a device token, or an async function that gets a fresh one: for each
            connection, and before the one in use expires. Whatever it raises, and no answer
            within `connect_timeout`, is a failed attempt. Unauthorized ends the client.
        position: where an earlier client stopped, see `position`; None: what the server has noted.
        device_id: this device's stable id, which the token must name; empty: the token's.
        device_name: how the user's other devices call this one.
        platform: the same, e.g. `macos`.
        max_attempts: how many attempts in a row may fail until iterating raises GaveUp; the count
            starts again with a connection that lasts 10 s. None: never give up.
        connect_timeout: seconds for a token, and for one attempt from then to WELCOME.
        buffer: events that wait for the application; when it is full the client stops reading.
        on_state: called on the event loop with each new State; it must not block.
        on_members: the same, with the name of a room in which others are now, or do something else.
        on_status: the same, with the UserStatus of a watched user that came online, or went.
        on_error: the same, with what the server sent and this client cannot read. A stored event
            among it was skipped: the others go on.
        random: returns a float from 0 to 1, for back-off.

    Raises:
        SyncError: this URL can never work.
        InvalidMessage: no server takes this name, id, platform, position or token.
    """

    def __init__(
        self,
        url: str,
        token: Token,
        *,
        position: Position | None = None,
        device_id: str = "",
        device_name: str = "",
        platform: str = "",
        max_attempts: int | None = DEFAULT_ATTEMPTS,
        connect_timeout: float = 10.0,
        buffer: int = DEFAULT_BUFFER,
        on_state: Callable[[State], None] | None = None,
        on_error: Callable[[BadMessage], None] | None = None,
        on_members: Callable[[str], None] | None = None,
        on_status: Callable[[UserStatus], None] | None = None,
        random: Callable[[], float] = randomness.random,
    ) -> None:
        if not is_websocket(url):
            raise SyncError(f"{url.partition('?')[0]!r} is not a ws:// or wss:// URL")
        self._url = url
        self._tokens = Tokens(token, within=connect_timeout)
        self._device_id, self._device_name, self._platform = device_id, device_name, platform
        self._connect_timeout = connect_timeout
        self._on_state, self._on_error = on_state, on_error
        self._on_members, self._on_status = on_members, on_status
        self._session = Session(position)
        self._inbox = Inbox(buffer)
        self._requests = Requests()
        self._connection = self._new_connection()
        self._reconnecting = Reconnecting(max_attempts=max_attempts, random=random)
        self._instance = uuid4().hex
        self._hello(token if isinstance(token, str) else "any")  # raises now rather than later
        self._given: Delivery | None = None
        self._first: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._welcomed_at: float | None = None
        self._ended = self._logging_out = False
        self._state, self.stats = State(name="idle"), Stats(self._inbox)

    @property
    def user_id(self) -> str:
        """Whose device this is; empty before the first connection."""
        return self._session.user_id

    @property
    def device_id(self) -> str:
        """This device's id, generated by the server if the token names none."""
        return self._session.device_id

    @property
    def devices(self) -> Sequence[Device]:
        """The user's connected devices, this one included."""
        return self._session.devices

    @property
    def position(self) -> Position:
        """What has been processed. Store it to continue there in a new process."""
        return self._session.position

    @property
    def edge(self) -> str:
        """The node that serves this connection, or served the last one; empty before the first."""
        return self._session.session_id.partition("/")[0]

    @property
    def state(self) -> State:
        """What the connection is doing right now."""
        return self._state

    @property
    def connected(self) -> bool:
        """Whether there is a connection right now."""
        return self._connection.is_open

    @property
    def first_contact(self) -> bool:
        """Whether the server knew nothing of what this device has when it last connected.

        It never was there, was away for longer than its position is kept, or has not processed
        anything yet. An application that does not know better fetches its whole state.
        """
        return self._session.first

    @property
    def stale(self) -> bool:
        """Whether the server says that nothing new can come right now, see State.stale_since."""
        return self._state.stale

    async def logout(self, *, answer_within: float = 10.0) -> None:
        """Make the token worth nothing, for whoever else shows it too, and close this client.

        Iterating ends like after `async with`. Raises like `update_progress`: then the token
        still counts.
        """
        self._logging_out = True
        try:
            await self._ask(messages.logout, answer_within)
        except NotConnected:
            if not self._ended:
                raise
        finally:
            self._logging_out = False

    async def _ask(self, message: Callable[[str], str], within: float) -> str:
        """Send a message with a `ref`; return its answer."""
        return await self._requests.ask(message, self._connection.send, within)

    def __aiter__(self) -> Self:
        """Iterate over events, until the client is closed."""
        return self

    async def __anext__(self) -> Event:
        """Return the next event; the one before counts as processed now. Cancelling is safe.

        Raises:
            SyncClosed: the server ended the session, and connecting again cannot help.
            GaveUp: no stable connection after `max_attempts`.
        """
        while True:
            self._processed()
            self._given = await self._inbox.get()
            if self._given.problem is None:
                return self._given.event
            self._skipped(self._given.problem)

    async def __aenter__(self) -> Self:
        """Connect, trying again like later on. Raises what iterating raises."""
        if self._task is not None:
            raise SyncError("the client has been opened before: make a new one")
        self._first = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run(), name="kull-client")
        try:
            await self._first
        except BaseException:
            await self._close("not opened")
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Acknowledge, close the connection and end the iteration."""
        if kind is None:
            self._processed()
        await self._close("closed by the application")

    async def _close(self, reason: str) -> None:
        self._end(None, reason)
        await self._connection.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        await self._tokens.close()

    async def _run(self) -> None:
        """Stay connected. Whatever ends this is raised to the application."""
        try:
            while True:
                end = await self._connect_once()
                delay = self._reconnecting.after(end)
                self._tell(State(name="waiting", reason=end.why, delay=delay, attempt=self._tries))
                await asyncio.sleep(delay)
        except SyncClosed as closed:
            logged_out = self._logging_out and closed.code == CloseCode.DISCONNECTED
            self._end(None if logged_out else closed, str(closed))
        except Exception as error:
            self._end(error, str(error))

    async def _connect_once(self) -> Ended:
        self._welcomed_at = None
        self._tell(State(name="connecting", attempt=self._tries))
        try:
            hello = self._hello(await self._tokens.get())
        except (NoToken, InvalidMessage) as error:
            if isinstance(error, InvalidMessage) and not self._session.user_id:
                raise  # a token function that never had one
            return Ended(why=f"no token: {error}", cause=error.__cause__)
        connection = self._connection = self._new_connection()
        within, told = self._connect_timeout, self._connected
        try:
            return await connection.run(self._url, hello, within=within, on_change=told)
        except SyncClosed as closed:
            if not self._may_try_again(closed):
                raise
            return Ended(why=str(closed), lasted=self._lasted)

    def _hello(self, token: str) -> str:
        """Return the first message of a connection. Raises InvalidMessage."""
        return messages.hello(
            token,
            self._session.position,
            instance=self._instance,
            device_id=self._device_id,
            device_name=self._device_name,
            platform=self._platform,
        )

    def _new_connection(self) -> Connection:
        told = self._skipped, self._changed
        return Connection(self._session, self._inbox, self._requests, self._tokens, *told)

    def _may_try_again(self, closed: SyncClosed) -> bool:
        match closed.code:
            case CloseCode.TOKEN_EXPIRED:  # an async function has a fresh one
                return self._tokens.renewable
            case CloseCode.REPLACED:
                now = asyncio.get_running_loop().time()
                return not self._reconnecting.believes_replaced(lasted=self._lasted, now=now)
        return False

    @property
    def _lasted(self) -> float:
        """Seconds since this attempt's WELCOME, 0 if it never came."""
        if self._welcomed_at is None:
            return 0.0
        return asyncio.get_running_loop().time() - self._welcomed_at

    @property
    def _tries(self) -> int:
        return self._reconnecting.attempts

    def _connected(self) -> None:
        if self._first is not None and not self._first.done():
            self._first.set_result(None)
        if self._state.name == "connecting":  # else it became stale or fresh
            self._welcomed_at = asyncio.get_running_loop().time()
        since = self._session.stale_since
        self._tell(State(name="connected", attempt=self._tries, stale_since=since))

    def _processed(self) -> None:
        given, self._given = self._given, None
        if given is not None:
            self._connection.processed(given)

    def _skipped(self, problem: BadMessage) -> None:
        log.warning("a message was skipped: %s", problem)
        _call("on_error", self._on_error, problem)

    def _changed(self, change: Change) -> None:
        match change:
            case RosterChanged(queue):
                _call("on_members", self._on_members, queue.removeprefix(PREFIX))
            case StatusChanged(status):
                _call("on_status", self._on_status, status)

    def _end(self, error: Exception | None, reason: str) -> None:
        if self._ended:
            return
        self._ended = True
        if self._first is not None and not self._first.done():
            self._first.set_exception(error or NotConnected(reason))
            self._first.exception()  # retrieved, whether or not somebody still waits for it
        self._inbox.end(error)
        self._tell(State(name="closed", reason=reason))

    def _tell(self, state: State) -> None:
        self._state = state
        self.stats.told(state)
        if self._on_state is not None:
            self._on_state(state)


def _call(name: str, listener: Callable[[T], None] | None, what: T) -> None:
    """Tell the application. What it raises must not keep it from its events."""
    if listener is not None:
        try:
            listener(what)
        except Exception:
            log.exception("%s has failed", name)
