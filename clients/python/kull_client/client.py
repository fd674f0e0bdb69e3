"""The device's side of Kull Sync: one object that stays connected and hands out events."""

from __future__ import annotations

import asyncio
import random as randomness
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit
from uuid import uuid4

from kull_client import messages
from kull_client.close_codes import CloseCode
from kull_client.connection import Connection
from kull_client.errors import NotConnected, SyncClosed, SyncError
from kull_client.event import Device, Event, Position
from kull_client.inbox import Inbox
from kull_client.reconnect import Ended, Reconnecting
from kull_client.requests import Requests
from kull_client.session import Delivery, Session

Token = str | Callable[[], Awaitable[str]]
DEFAULT_ATTEMPTS: Final = 10
DEFAULT_BUFFER: Final = 256  # events; above the server's window, so that it rarely fills


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the connection is doing.

    Attributes:
        name: `idle` before the client is opened, `waiting` is the pause before the next attempt,
            `closed` is the end.
        reason: why it waits or was closed.
        delay: with `waiting`, the length of the pause in seconds.
        attempt: attempts since the last stable connection.
        stale_since: with `connected`, since when nothing new can come, as the server itself has
            lost touch; in ms since the Unix epoch, 0 while all is well.
    """

    name: Literal["idle", "connecting", "connected", "waiting", "closed"]
    reason: str = ""
    delay: float = 0.0
    attempt: int = 0
    stale_since: int = 0

    @property
    def stale(self) -> bool:
        """Whether what the application shows may be old although it is connected."""
        return self.stale_since > 0


class SyncClient:
    """`async with SyncClient(url, token) as client: async for event in client: …`

    An event counts as processed, and is acknowledged, when the next one is asked for; the last one
    when the `async with` block is left without an error. Delivery is at least once; repeats are
    removed as long as this object lives. One task may iterate at a time.

    Args:
        url: `ws://…/ws` or `wss://…/ws`.
        token: a device token, or an async function that gets a fresh one: for each
            connection, and before the one in use expires. Raise OSError (TimeoutError and
            ConnectionError are some) when it cannot be had now: that is a failed attempt. Any
            other error ends the client and is raised to you.
        position: where an earlier client stopped, see `position`; None: what the server has noted.
        device_id: this device's stable id, which the token must name; empty: the token's.
        device_name: how the user's other devices call this one.
        platform: the same, e.g. `macos`.
        max_attempts: how many attempts in a row may fail until iterating raises GaveUp; the count
            starts again with a connection that lasts 10 s. None: never give up.
        connect_timeout: seconds for a token, and for one attempt from then to WELCOME.
        buffer: events that wait for the application; when it is full the client stops reading.
        on_state: called on the event loop with each new State; it must not block.
        random: returns a float from 0 to 1, for back-off.
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
        random: Callable[[], float] = randomness.random,
    ) -> None:
        if urlsplit(url).scheme not in {"ws", "wss"} or not urlsplit(url).netloc:
            raise SyncError(f"{url.partition('?')[0]!r} is not a ws:// or wss:// URL")
        self._url, self._token = url, token
        self._device_id, self._device_name, self._platform = device_id, device_name, platform
        self._connect_timeout = connect_timeout
        self._on_state = on_state
        self._session = Session(position)
        self._inbox = Inbox(buffer)
        self._requests = Requests()
        self._connection = Connection(self._session, self._inbox, self._requests)
        self._reconnecting = Reconnecting(max_attempts=max_attempts, random=random)
        self._instance = uuid4().hex
        self._given: Delivery | None = None
        self._first: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._welcomed_at: float | None = None
        self._ended = False
        self._logging_out = False
        self._state = State(name="idle")

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

    async def update_progress(
        self,
        *,
        shoot_id: str,
        status: Literal["queued", "processing", "completed", "failed"],
        processed_count: int,
        total_count: int,
        provider: str,
        current_image: str | None = None,
        eta: float | None = None,
        error_message: str | None = None,
        answer_within: float = 10.0,
    ) -> str:
        """Tell the user's other devices how far a shoot is, and return the event's id.

        `eta` and `answer_within` are in seconds. After an error the message may still have arrived;
        sending it again is harmless, as only the newest progress of a shoot counts.

        Raises:
            Rejected: the server refused it and says why.
            NotConnected: there is no connection, or it was lost before the answer.
            TimeoutError: no answer in time.
        """
        fields: dict[str, Any] = {
            "shootId": shoot_id,
            "status": status,
            "processedCount": processed_count,
            "totalCount": total_count,
            "currentImage": current_image,
            "eta": eta,
            "provider": provider,
            "errorMessage": error_message,
        }
        payload = {name: value for name, value in fields.items() if value is not None}
        return await self._ask(lambda ref: messages.update_progress(payload, ref), answer_within)

    async def join(self, room: str, *, answer_within: float = 10.0) -> None:
        """Follow a room from now on, on every later connection as well.

        Its events come like all others, with `queue` `room:<name>`. If the server ends it later
        (the token does not grant the room any more), an event `LEFT` says so.

        Raises:
            Rejected: the token does not grant this room, or too many are followed.
            NotConnected: there is no connection, or it was lost before the answer: join again.
            TimeoutError: no answer in time; the room may be followed.
        """
        queue = f"room:{room}"
        if queue not in self._session.rooms:
            await self._ask(lambda ref: messages.join(queue, ref), answer_within)

    async def leave(self, room: str, *, answer_within: float = 10.0) -> None:
        """Follow a room no more. What was processed is kept by the server for this device.

        Raises like `join`; the next connection does not follow the room in any case.
        """
        queue = f"room:{room}"
        self._processed()
        await self._connection.flush()
        self._session.rooms.gone(queue)
        if self.connected:
            await self._ask(lambda ref: messages.leave(queue, ref), answer_within)
        else:
            self._session.forget(queue)

    async def typing(self, room: str, *, answer_within: float = 10.0) -> None:
        """Tell those in a room that this user is typing: an event `TYPING` with `userId` in `data`.

        It reaches who is there now, this user's devices too, and is forgotten: show it for a few
        seconds. Raises like `join`.
        """
        await self._ask(lambda ref: messages.typing(f"room:{room}", ref), answer_within)

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
        """Send a message that carries this `ref` and return its answer."""
        ref, answer = self._requests.open()
        try:
            async with asyncio.timeout(within):
                await self._connection.send(message(ref))
                return await answer
        finally:
            self._requests.close(ref)

    def __aiter__(self) -> Self:
        """Iterate over events, until the client is closed."""
        return self

    async def __anext__(self) -> Event:
        """Return the next event; the one before counts as processed now. Cancelling is safe.

        Raises:
            SyncClosed: the server ended the session, and connecting again cannot help.
            GaveUp: no stable connection after `max_attempts`.
        """
        self._processed()
        self._given = await self._inbox.get()
        return self._given.event

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

    async def _run(self) -> None:
        """Stay connected. Whatever ends this is raised to the application."""
        try:
            while True:
                ended = await self._connect_once()
                if self._ended:  # the token's function may have swallowed our cancellation
                    return
                delay = self._reconnecting.after(ended)
                self._tell(
                    State(name="waiting", reason=ended.why, delay=delay, attempt=self._tries)
                )
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
            token = await self._get_token()
        except OSError as error:
            return Ended(why=f"no token: {str(error) or type(error).__name__}")
        hello = messages.hello(
            token,
            self._session.position,
            instance=self._instance,
            device_id=self._device_id,
            device_name=self._device_name,
            platform=self._platform,
        )
        fresh = None if isinstance(self._token, str) else self._token
        self._connection = Connection(self._session, self._inbox, self._requests, fresh)
        try:
            return await self._connection.run(
                self._url, hello, within=self._connect_timeout, on_change=self._connected
            )
        except SyncClosed as closed:
            if not self._may_try_again(closed):
                raise
            return Ended(why=str(closed), lasted=self._lasted)

    async def _get_token(self) -> str:
        """Return a token for a connection. Raises OSError: none can be had now."""
        if isinstance(self._token, str):
            return self._token
        async with asyncio.timeout(self._connect_timeout):
            return await self._token()

    def _may_try_again(self, closed: SyncClosed) -> bool:
        match closed.code:
            case CloseCode.TOKEN_EXPIRED:  # an async function has a fresh one
                return not isinstance(self._token, str)
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
        if self._on_state is not None:
            self._on_state(state)
