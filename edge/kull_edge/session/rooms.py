"""The rooms that a session follows because its device asked for them. PURE.

    ──JOIN──▶ asked ──Subscribed──▶ followed ──LEAVE──▶ gone
                 └──────Refused──────▶ gone ◀──Refused──┘

One question is open per room at a time: an answer of a router does not say which Subscribe it
belongs to, so a LEAVE waits for it, and a JOIN for the LEAVE before.
"""

from __future__ import annotations

from kull_edge.protocol.messages import (
    JoinRoom,
    LeaveRoom,
    Ref,
    RoomMessage,
    SetState,
    Typing,
)
from kull_edge.protocol.server_messages import Left, Standing, joined_json, position_json
from kull_edge.session.effects import Effect, Limited, PublishWish, StateWish
from kull_edge.session.replies import Replies
from kull_edge.session.requests import Requests
from kull_edge.session.subscription import Subscription
from kull_edge.session.subscriptions import Subscriptions
from kull_protos.contract import addresses
from kull_protos.contract.error_codes import ErrorCode
from kull_protos.mesh.v1.attach_pb2 import Place, Position, Refused, Subscribed


class Rooms:
    """See the module's text.

    Args:
        subscriptions: the session's own; those to rooms begin and end here.
        replies: what the device is told.
        requests: answers that it is owed.
        limit: rooms at once.
    """

    __slots__ = (
        "_asked",
        "_histories",
        "_leaving",
        "_limit",
        "_places",
        "_replies",
        "_requests",
        "_starts",
        "_subscriptions",
    )

    def __init__(
        self, subscriptions: Subscriptions, *, replies: Replies, requests: Requests, limit: int
    ) -> None:
        self._subscriptions = subscriptions
        self._replies = replies
        self._requests = requests
        self._limit = limit
        self._starts: dict[str, Position] = {}
        self._places: dict[str, Place] = {}  # what owners are told again, by room
        self._histories: dict[str, int] = {}
        self._asked: dict[str, Ref] = {}  # JOINs without an answer
        self._leaving: dict[str, Ref] = {}  # LEAVEs that wait for one

    def start(self, address: str) -> Position | None:
        """Return where the device said it stands in a room, until that is settled."""
        return self._starts.get(address)

    def place(self, address: str) -> Place | None:
        """Return the session's part in a room's roster, None if it is no room."""
        return self._places.get(address)

    def history(self, address: str) -> int:
        """Return how many of a room's last entries the device wants, until that is settled."""
        return self._histories.get(address, 0)

    def take(self, message: RoomMessage, now: float) -> list[Effect]:
        """The device wants to follow a room, or not any more, or its user does something there.

        The first two may be said twice.
        """
        match message:
            case JoinRoom():
                return self._join(message, now)
            case LeaveRoom():
                return self._leave(message)
            case SetState(queue=address, state=state, ref=ref):
                if address not in self._subscriptions or address in self._leaving:
                    return self._replies.error(ErrorCode.FORBIDDEN, "JOIN the room first", ref)
                return self._state(address, state, now)
            case Typing(queue=address, ref=ref):
                if address not in self._subscriptions:
                    return self._replies.error(ErrorCode.FORBIDDEN, "JOIN the room first", ref)
                return [PublishWish(self._requests.begin(ref), "TYPING", address.encode())]

    def _state(self, address: str, state: bytes, now: float) -> list[Effect]:
        place = self._places[address]
        place.state, place.stated = state, round(now * 1000)
        return [StateWish(address, place)]

    def _join(self, message: JoinRoom, now: float) -> list[Effect]:
        address, ref = message.queue, message.ref
        if address in self._asked or address in self._leaving:
            return self._busy(address, ref)
        if subscription := self._subscriptions.get(address):
            told = self._replies.notice("JOINED", joined_json(_position_of(subscription), ref))
            if message.state is not None:
                told += self._state(address, message.state, now)
            return told
        if sum(addresses.is_room(each.address) for each in self._subscriptions) >= self._limit:
            why = f"{self._limit} rooms are followed already: LEAVE one first"
            return [Limited("rooms"), *self._replies.error(ErrorCode.TOO_MANY_ROOMS, why, ref)]
        if message.after is not None:
            epoch = self._subscriptions.own.epoch
            self._starts[address] = Position(epoch=epoch, seq=message.after)
        if message.history:
            self._histories[address] = message.history
        self._asked[address] = ref
        self._places[address] = Place()
        if message.state is not None:
            self._state(address, message.state, now)
        return [self._subscriptions.subscribe(address)]

    def _leave(self, message: LeaveRoom) -> list[Effect]:
        address, ref = message.queue, message.ref
        if address in self._leaving:
            return self._busy(address, ref)
        subscription = self._subscriptions.get(address)
        if subscription is None:
            return self._left(address, ref)
        if address in self._asked or (subscription.link and not subscription.attached):
            self._leaving[address] = ref
            return []
        return self._gone(address, ref)

    def _gone(self, address: str, ref: Ref) -> list[Effect]:
        del self._places[address]
        return [self._subscriptions.release(address, left=True), *self._left(address, ref)]

    def member(self, answer: Subscribed) -> None:
        """An owner took the session into a room, or again: its user keeps when it came."""
        place = self._places.get(answer.address)
        if place and answer.membership.since:
            place.since = answer.membership.since

    def joined(self, answer: Subscribed) -> list[Effect]:
        """An owner took the session into a room for the first time."""
        ref = self._asked.pop(answer.address, None)
        self._settle(answer.address)
        told = self._replies.notice("JOINED", joined_json(position_json(answer), ref))
        return told + self.settled(answer.address)

    def _settle(self, address: str) -> None:
        """What the JOIN has said of the beginning has counted."""
        self._starts.pop(address, None)
        self._histories.pop(address, None)

    def settled(self, address: str) -> list[Effect]:
        """An owner has answered: leave, if the device has asked for that meanwhile."""
        if address not in self._leaving:
            return []
        return self._gone(address, self._leaving.pop(address))

    def refused(self, answer: Refused) -> list[Effect]:
        """The token does not grant the room, or no more."""
        address = answer.address
        self._settle(address)
        self._places.pop(address, None)
        told: list[Effect] = []
        if asked := address in self._asked:
            told += self._replies.error(
                ErrorCode.FORBIDDEN, answer.reason, self._asked.pop(address)
            )
        if address in self._leaving:
            told += self._left(address, self._leaving.pop(address))
        elif not asked:
            told += self._left(address, None, answer.reason)
        return [self._subscriptions.release(address), *told]

    def _left(self, address: str, ref: Ref, reason: str = "") -> list[Effect]:
        data = Left(queue=address)
        if reason:
            data["reason"] = reason
        if ref is not None:
            data["ref"] = ref
        return self._replies.notice("LEFT", data)

    def _busy(self, address: str, ref: Ref) -> list[Effect]:
        why = f"wait for the answer to the JOIN or LEAVE of {address[:40]!r} before"
        return self._replies.error(ErrorCode.BUSY, why, ref)


def _position_of(subscription: Subscription) -> Standing:
    """Return where a room that is followed already continues."""
    through = subscription.through
    return Standing(queue=subscription.address, head=through, after=through, recovered=True)
