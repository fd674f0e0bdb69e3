"""What a client asks the server for, and what it knows of others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal

from kull_client import messages
from kull_client.connection import Connection
from kull_client.errors import NotConnected
from kull_client.rooms import queue_of
from kull_client.roster import Member
from kull_client.session import Session
from kull_client.statuses import UserStatus


class Asking(ABC):
    """A client that is connected, or will be again. Times are in seconds."""

    _session: Session
    _connection: Connection

    @property
    @abstractmethod
    def connected(self) -> bool:
        """Whether there is a connection right now."""

    @abstractmethod
    async def _ask(self, message: Callable[[str], str], within: float) -> str:
        """Send a message with a `ref`; return its answer."""

    @abstractmethod
    def _processed(self) -> None:
        """The application is done with the event that it was given last."""

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
        traceparent: str = "",
        answer_within: float = 10.0,
    ) -> str:
        """Tell the user's other devices how far a shoot is, and return the event's id.

        `eta` and `answer_within` are in seconds, `traceparent` is W3C Trace Context. After an error
        it may still have arrived; again is harmless, as only the newest of a shoot counts.

        Raises:
            Rejected: the server refused it and says why.
            InvalidMessage: it can never be right, e.g. a file name that is not UTF-8.
            NotConnected, TimeoutError: there was no connection until the answer, or no answer.
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
        said = messages.progress(fields, traceparent)
        return await self._ask(lambda ref: messages.compact(said | {"ref": ref}), answer_within)

    async def join(
        self,
        room: str,
        *,
        history: int = 0,
        state: Mapping[str, Any] | None = None,
        answer_within: float = 10.0,
    ) -> None:
        """Follow a room from now on, on every later connection as well.

        Its events come like all others, with `queue` `room:<name>`. If the server ends it later
        (the token does not grant the room any more), an event `LEFT` says so.

        history: of a room in which this device has never been, so many events of the past, 0 to
        100, if such rooms have any. state: as for `set_state`, from the first moment.

        Raises:
            Rejected: the token does not grant this room, or too many are followed.
            InvalidMessage: the state is no JSON.
            NotConnected: there is no connection, or it was lost before the answer: join again.
            TimeoutError: no answer in time; the room may be followed.
        """
        queue = queue_of(room)
        if queue not in self._session.rooms:
            said = None if state is None else dict(state)
            await self._ask(
                lambda ref: messages.join(queue, ref, history=history, state=said), answer_within
            )
            self._session.rooms.state(queue, said)
        elif state is not None:
            await self.set_state(room, state)

    async def leave(self, room: str, *, answer_within: float = 10.0) -> None:
        """Follow a room no more. What was processed is kept by the server for this device.

        Raises like `join`; the next connection does not follow the room in any case.
        """
        queue = queue_of(room)
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
        await self._ask(lambda ref: messages.typing(queue_of(room), ref), answer_within)

    def members(self, room: str) -> Sequence[Member]:
        """Return who is in a room that is followed, this user included, who came first first.

        Nobody, if the token does not grant the right `presence` there. Of a large room only those
        with the same state as this user's: see `count`. While the connection is away it is what was
        known last.
        """
        return self._session.rooms.roster(queue_of(room)).members

    def count(self, room: str) -> int:
        """Return how many users are in a room that is followed, as far as `members` may know."""
        return self._session.rooms.roster(queue_of(room)).count

    async def set_state(self, room: str, state: Mapping[str, Any] | None) -> None:
        """Say what this user is doing in a room that is followed, e.g. `{"viewing": "IMG_0012"}`.

        At most 1 KB as JSON; None: nothing. The others get it with this user's member. The newest
        that one of the user's devices there has said counts. It is said again on later connections;
        what the server does not like about it is logged.

        Raises InvalidMessage for what is no JSON.
        """
        queue, said = queue_of(room), None if state is None else dict(state)
        message = messages.state(queue, said)
        if queue in self._session.rooms:
            self._session.rooms.state(queue, said)
            with suppress(NotConnected):  # the next connection says it
                await self._connection.send(message)

    async def send(
        self, room: str, event: str, data: Mapping[str, Any], *, answer_within: float = 10.0
    ) -> str:
        """Publish an event of a type that your team has declared into a room; return its id.

        All who follow the room get it, this user's other devices too, but not this one. After an
        error it may still have arrived. Raises like `update_progress`; Rejected also if the token
        does not grant the right `write` there.
        """
        queue, said = queue_of(room), dict(data)
        return await self._ask(lambda ref: messages.send(queue, event, said, ref), answer_within)

    async def watch(self, user_ids: Iterable[str], *, answer_within: float = 10.0) -> None:
        """Watch whether these users are online, instead of those before: see `status`.

        They are the token's `contacts`, or share a room with this user; at most 100. They are
        watched on every later connection as well.

        Raises like `update_progress`: Rejected names those who may not be watched, the others are.
        """
        self._session.statuses.watch(user_ids)
        watched = self._session.statuses.watched
        await self._ask(lambda ref: messages.watch(watched, ref), answer_within)

    def status(self, user_id: str) -> UserStatus | None:
        """Return what is known of a user that is watched; None: nothing yet."""
        return self._session.statuses[user_id]

    async def sign_out(self, device_id: str, *, answer_within: float = 10.0) -> None:
        """Sign out a device of this user: it must log in again, and the server forgets it.

        Twice is harmless. Raises like `update_progress`; Rejected also for an unknown device.
        """
        await self._ask(lambda ref: messages.sign_out(device_id, ref), answer_within)
