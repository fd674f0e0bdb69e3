"""The rooms that a session follows because its device asked for them. PURE.

    ──JOIN──▶ asked ──Subscribed──▶ followed ──LEAVE──▶ gone
                 └──────Refused──────▶ gone ◀──Refused──┘

One question is open per room at a time: an answer of a router does not say which Subscribe it
belongs to, so a LEAVE waits for it, and a JOIN for the LEAVE before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kull_edge.protocol.messages import (
    JoinRoom,
    LeaveRoom,
    Ref,
    RoomMessage,
    Typing,
)
from kull_edge.protocol.server_messages import Data, Left, Standing, Type, joined_json, place_json
from kull_edge.session.effects import Effect, Join, Limited, Part, PublishWish
from kull_edge.session.subscription import Follow, Mode
from kull_protos.contract import addresses
from kull_protos.mesh.v1.attach_pb2 import Position, Refused, Subscribed

Tell = Callable[[Type, Data], list[Effect]]
Complain = Callable[[str, str, Ref], list[Effect]]


class Rooms:
    """See the module's text.

    Args:
        follows: what the session follows, kept up to date by it.
        limit: rooms at once.
        follow: begin to follow an address.
        tell: a message for the device; error: an ERROR.
        request: the id of a request to a router, whose answer has this `ref`.
    """

    def __init__(
        self,
        follows: Mapping[str, Follow],
        *,
        limit: int,
        follow: Callable[[str], Join],
        tell: Tell,
        error: Complain,
        request: Callable[[Ref], int],
    ) -> None:
        self._follows = follows
        self._limit = limit
        self._follow = follow
        self._tell = tell
        self._error = error
        self._request = request
        self._starts: dict[str, Position] = {}
        self._asked: dict[str, Ref] = {}  # JOINs without an answer
        self._leaving: dict[str, Ref] = {}  # LEAVEs that wait for one

    def start(self, address: str) -> Position | None:
        """Return where the device said it stands in a room, until that is settled."""
        return self._starts.get(address)

    def take(self, message: RoomMessage) -> list[Effect]:
        """The device wants to follow a room, or not any more, or its user types there.

        The first two may be said twice.
        """
        match message:
            case JoinRoom():
                return self._join(message)
            case LeaveRoom():
                return self._leave(message)
            case Typing(queue=address, ref=ref):
                if address not in self._follows:
                    return self._error("forbidden", "JOIN the room first", ref)
                return [PublishWish(self._request(ref), "TYPING", address.encode())]

    def _join(self, message: JoinRoom) -> list[Effect]:
        address, ref = message.queue, message.ref
        if address in self._asked or address in self._leaving:
            return self._busy(address, ref)
        if follow := self._follows.get(address):
            return self._tell("JOINED", joined_json(_place_of(follow), ref))
        if sum(addresses.is_room(each) for each in self._follows) >= self._limit:
            why = f"{self._limit} rooms are followed already: LEAVE one first"
            return [Limited("rooms"), *self._error("too_many_rooms", why, ref)]
        if message.after is not None:
            own = next(iter(self._follows.values()))  # the user's own queue comes first
            self._starts[address] = Position(epoch=own.epoch, seq=message.after)
        self._asked[address] = ref
        return [self._follow(address)]

    def _leave(self, message: LeaveRoom) -> list[Effect]:
        address, ref = message.queue, message.ref
        if address in self._leaving:
            return self._busy(address, ref)
        follow = self._follows.get(address)
        if follow is None:
            return self._left(address, ref)
        if address in self._asked or (follow.mode is Mode.ATTACHING and follow.link):
            self._leaving[address] = ref
            return []
        return [Part(address), *self._left(address, ref)]

    def joined(self, answer: Subscribed) -> list[Effect]:
        """An owner took the session into a room for the first time."""
        ref = self._asked.pop(answer.address, None)
        self._starts.pop(answer.address, None)
        told = self._tell("JOINED", joined_json(place_json(answer), ref))
        return told + self.settled(answer.address)

    def settled(self, address: str) -> list[Effect]:
        """An owner has answered: leave, if the device has asked for that meanwhile."""
        if address not in self._leaving:
            return []
        return [Part(address), *self._left(address, self._leaving.pop(address))]

    def refused(self, answer: Refused) -> list[Effect]:
        """The token does not grant the room, or no more."""
        address = answer.address
        self._starts.pop(address, None)
        told: list[Effect] = []
        if asked := address in self._asked:
            told += self._error("forbidden", answer.reason, self._asked.pop(address))
        if address in self._leaving:
            told += self._left(address, self._leaving.pop(address))
        elif not asked:
            told += self._left(address, None, answer.reason)
        return [Part(address), *told]

    def _left(self, address: str, ref: Ref, reason: str = "") -> list[Effect]:
        data = Left(queue=address)
        if reason:
            data["reason"] = reason
        if ref is not None:
            data["ref"] = ref
        return self._tell("LEFT", data)

    def _busy(self, address: str, ref: Ref) -> list[Effect]:
        why = f"wait for the answer to the JOIN or LEAVE of {address[:40]!r} before"
        return self._error("busy", why, ref)


def _place_of(follow: Follow) -> Standing:
    """Return where a room that is followed already continues."""
    through = follow.through
    return Standing(queue=follow.address, head=through, after=through, recovered=True)
