"""Who is in a room, as PRESENCE tells it. PURE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kull_client import messages
from kull_client.event import Device
from kull_client.messages import Json

NEVER: Final = (-1, -1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A user in a room, however many devices it is there with.

    Attributes:
        since: when it came, in ms since the Unix epoch.
        devices: those with which it is there; when each has connected is not told (0).
        state: what it says of itself there, as on the wire; None: nothing.
    """

    user_id: str
    since: int
    devices: Sequence[Device] = ()
    state: Mapping[str, Any] | None = None


class Roster:
    """What is not newer than what it knows is ignored; a snapshot replaces all."""

    def __init__(self) -> None:
        self.count = 0  # of members; more than are told if the room is large
        self._members: dict[str, Member] = {}
        self._generation: tuple[int, int] = NEVER
        self._whole = False  # there was a snapshot on this connection

    @property
    def members(self) -> Sequence[Member]:
        """Who is there, who came first first; of a large room those of the own state alone."""
        return sorted(self._members.values(), key=lambda each: (each.since, each.user_id))

    def lost(self) -> None:
        """The connection is lost. What is known stays, until a snapshot replaces it."""
        self._whole = False

    def take(self, data: Json) -> bool:
        """Take the data of a PRESENCE; return whether it was news. Raises BadMessage."""
        generation, count = messages.generation_of(data), messages.number(data, "count")
        partial = data.get("partial") is True
        alike = _members(data, "neighbours" if partial else "members")
        if alike is not None or (partial and not self._whole):
            # Of the same age is what a large room's newcomer is told beside the count.
            if self._whole and generation < self._generation:
                return False
            self._members = {each.user_id: each for each in alike or ()}
            self._whole = True
        elif not self._whole or generation <= self._generation:
            return False
        elif not partial:
            self._change(data)
        self._generation, self.count = generation, count
        return True

    def _change(self, data: Json) -> None:
        came = [*(_members(data, "joined") or ()), *(_members(data, "updated") or ())]
        left = messages.texts(data, "left")
        self._members |= {each.user_id: each for each in came}
        for user in left:
            self._members.pop(user, None)


def _members(data: Json, name: str) -> list[Member] | None:
    """Return a list of members, None if there is none. Raises BadMessage."""
    if data.get(name) is None:
        return None
    return [
        Member(
            user_id=messages.text_of(each, "userId", None),
            since=messages.number(each, "since", 0),
            devices=tuple(messages.devices_of(each)),
            state=messages.part(each, "state") if each.get("state") is not None else None,
        )
        for each in messages.objects(data, name)
    ]
