"""What a device asks for after its HELLO, and the answers that it is owed. PURE."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from kull_edge.errors import BadMessage
from kull_edge.protocol import messages
from kull_edge.protocol.messages import SessionMessage
from kull_edge.protocol.server_messages import Pong, joined_json, position_json
from kull_edge.session.config import SessionConfig
from kull_edge.session.credential import Credential
from kull_edge.session.effects import Effect, Limited, LogoutWish, PublishWish, SignOutWish
from kull_edge.session.rates import Rates
from kull_edge.session.replies import Replies
from kull_edge.session.requests import Requests
from kull_edge.session.rooms import Rooms
from kull_edge.session.state import State
from kull_edge.session.subscriptions import Subscriptions
from kull_edge.session.watching import Watching
from kull_protos.contract import addresses
from kull_protos.contract.error_codes import ErrorCode
from kull_protos.mesh.v1 import attach_pb2 as pb

WARN_EVERY: Final = 10.0  # seconds
_FIRST: Final = "say HELLO with a token first"


class Conversation:
    """Takes a session's messages, each in the state that it belongs to.

    Args:
        v2: whether the device speaks `kull.sync.v2`.
        request_ids: numbers that are unique within the edge.
    """

    __slots__ = (
        "_credential",
        "_rates",
        "_replies",
        "_requests",
        "_room_limit",
        "_rooms",
        "_subscriptions",
        "_v2",
        "_warn_at",
        "_watching",
    )

    def __init__(
        self,
        config: SessionConfig,
        *,
        v2: bool,
        subscriptions: Subscriptions,
        credential: Credential,
        replies: Replies,
        request_ids: Iterator[int],
        rates: Rates,
    ) -> None:
        self._v2 = v2
        self._subscriptions = subscriptions
        self._credential = credential
        self._replies = replies
        self._requests = Requests(
            replies,
            ids=request_ids,
            limit=config.max_publishes,
            rates=rates,
        )
        self._rates = rates
        self._warn_at = 0.0
        self._room_limit = config.rooms
        self._rooms: Rooms | None = None  # most devices have none
        self._watching: Watching | None = None  # the same

    # From the device

    def take(self, message: SessionMessage, *, state: State, now: float) -> list[Effect]:
        """Do what the device asks for. Raises BadMessage."""
        match message:
            case messages.Ack():
                return self._ack(message, state, now)
            case messages.UpdateProgress():
                _check(state is not State.HELLO, _FIRST)
                return self._publish(message, now)
            case messages.Refresh():
                _check(state is State.OPEN, "REFRESH comes after WELCOME", message.ref)
                told = self._too_often(message.ref, now)
                return told or self._credential.refresh(message)
            case (
                messages.JoinRoom() | messages.LeaveRoom() | messages.SetState() | messages.Typing()
            ):
                why = "JOIN, LEAVE, STATE or TYPING comes after WELCOME"
                _check(state is State.OPEN, why, message.ref)
                return self._room(message, now)
            case messages.Send():
                _check(state is State.OPEN, "SEND comes after WELCOME", message.ref)
                return self._send(message, now)
            case messages.Logout():
                _check(state is State.OPEN, "LOGOUT comes after WELCOME", message.ref)
                return self._logout(message, now)
            case messages.SignOut():
                _check(state is State.OPEN, "SIGN_OUT comes after WELCOME", message.ref)
                return self._sign_out(message, now)
            case messages.Watch():
                _check(state is State.OPEN, "WATCH comes after WELCOME", message.ref)
                return self._watch(message, now)
            case messages.Ping():
                # Nothing comes before WELCOME, which is a sign of life as well.
                return self._ping(now) if state is State.OPEN else []

    def _ack(self, message: messages.Ack, state: State, now: float) -> list[Effect]:
        if state is State.HELLO:
            raise BadMessage(ErrorCode.INVALID_MESSAGE, _FIRST)
        own = message.queue == "user"
        subscription = self._subscriptions.own if own else self._subscriptions.get(message.queue)
        if subscription is None:
            raise BadMessage(
                ErrorCode.INVALID_MESSAGE, f"queue: you do not follow {message.queue[:40]!r}"
            )
        subscription.ack(message.seq, now)
        return []

    def _publish(self, message: messages.UpdateProgress, now: float) -> list[Effect]:
        if told := self._requests.refusal(message.ref, now):
            return told
        request = self._requests.begin(message.ref)
        return [PublishWish(request, "UPDATE_PROGRESS", message.payload, message.traceparent)]

    def _send(self, message: messages.Send, now: float) -> list[Effect]:
        _check(self._v2, "SEND needs the subprotocol kull.sync.v2", message.ref)
        if told := self._requests.refusal(message.ref, now):
            return told
        request = self._requests.begin(message.ref)
        where = {"address": message.queue, "event": message.event}
        return [PublishWish(request, "SEND", message.data, **where)]

    def _room(self, message: messages.RoomMessage, now: float) -> list[Effect]:
        _check(self._v2, "rooms need the subprotocol kull.sync.v2")
        if told := self._requests.refusal(message.ref, now):
            return told
        if self._rooms is None:
            self._rooms = Rooms(
                self._subscriptions,
                replies=self._replies,
                requests=self._requests,
                limit=self._room_limit,
            )
        return self._rooms.take(message, now)

    def _watch(self, message: messages.Watch, now: float) -> list[Effect]:
        _check(self._v2, "WATCH needs the subprotocol kull.sync.v2", message.ref)
        if told := self._requests.refusal(message.ref, now):
            return told
        if self._watching is None:
            self._watching = Watching(self._replies)
        return self._watching.take(message)

    def _logout(self, message: messages.Logout, now: float) -> list[Effect]:
        if told := self._too_often(message.ref, now) or self._requests.full(message.ref):
            return told
        return [LogoutWish(self._requests.begin(message.ref))]

    def _sign_out(self, message: messages.SignOut, now: float) -> list[Effect]:
        _check(self._v2, "SIGN_OUT needs the subprotocol kull.sync.v2", message.ref)
        if told := self._too_often(message.ref, now) or self._requests.full(message.ref):
            return told
        return [SignOutWish(self._requests.begin(message.ref), message.device_id)]

    def _too_often(self, ref: messages.Ref, now: float) -> list[Effect]:
        """Return what to tell a device about its token, which costs a router far more than us."""
        if wait := self._rates.token(now):
            why = f"REFRESH, LOGOUT and SIGN_OUT come too often: wait {wait:.1f} s"
            return [Limited("tokens"), *self._replies.error(ErrorCode.RATE_LIMITED, why, ref)]
        return []

    def _ping(self, now: float) -> list[Effect]:
        if wait := self._rates.ping(now):
            if now < self._warn_at:  # an answer to each would be what the flood is after
                return [Limited("pings")]
            self._warn_at = now + WARN_EVERY
            why = f"PING comes too often and is not answered: wait {wait:.1f} s"
            return [Limited("pings"), *self._replies.error(ErrorCode.RATE_LIMITED, why)]
        return self._replies.message("PONG", Pong())

    @property
    def watched(self) -> list[str]:
        """The users whose status the device watches."""
        return self._watching.users if self._watching else []

    # From the routers

    def statuses(self, users: Iterable[pb.UserStatus], forbidden: Iterable[str]) -> list[Effect]:
        """A router told who is there, and who may not be watched."""
        return self._watching.heard(users, forbidden) if self._watching else []

    def start(self, address: str) -> pb.Position | None:
        """Return where the device said it stands in a room, until that is settled."""
        return self._rooms.start(address) if self._rooms else None

    def place(self, address: str) -> pb.Place | None:
        """Return the session's part in a room's roster, None if it is no room."""
        return self._rooms.place(address) if self._rooms else None

    def member(self, answer: pb.Subscribed) -> None:
        """An owner took the session into a room, or again."""
        if self._rooms and answer.HasField("membership"):
            self._rooms.member(answer)

    def history(self, address: str) -> int:
        """Return how many of a room's last entries the device has asked for, the same way."""
        return self._rooms.history(address) if self._rooms else 0

    def joined(self, answer: pb.Subscribed) -> list[Effect]:
        """The session follows another queue than the user's own for the first time."""
        if self._rooms and addresses.is_room(answer.address):
            return self._rooms.joined(answer)
        return self._replies.notice("JOINED", joined_json(position_json(answer)))

    def settled(self, address: str) -> list[Effect]:
        """An owner took the session again."""
        return self._rooms.settled(address) if self._rooms else []

    def refused(self, answer: pb.Refused) -> list[Effect] | None:
        """A router keeps the session out of one queue; None: that is no room of the device's."""
        return self._rooms.refused(answer) if self._rooms else None

    def published(self, answer: pb.Published) -> list[Effect]:
        """A message of this device became an event, or did not."""
        return self._requests.answered(answer)

    def orphaned(self) -> list[Effect]:
        """The user's router is gone: nobody will answer what is open there."""
        return self._requests.orphaned() + self._credential.orphaned()


def _check(right: bool, why: str, ref: messages.Ref = None) -> None:
    if not right:
        raise BadMessage(ErrorCode.INVALID_MESSAGE, why, ref)
