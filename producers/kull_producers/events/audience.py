"""Whom events of a type are for. PURE."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, NamedTuple, Protocol

from kull_producers.contract import addresses
from kull_producers.errors import InvalidEvent
from kull_producers.events import address

MAX_NAMED: Final = 1000  # users, or rooms, whom one event names


class Audience(Protocol):
    """Says who is told, from an event's fields (by their names in Python) and what comes with it.

    `title` is what errors call the event.
    """

    @property
    def takes_user(self) -> bool:
        """Whether the publisher must name the user beside the event's fields."""
        ...

    @property
    def knows_user(self) -> bool:
        """Whether the user whom an envelope names says something about who is told."""
        ...

    @property
    def needs(self) -> Collection[str]:
        """The fields that it reads."""
        ...

    @property
    def hidden(self) -> Collection[str]:
        """The fields that no device gets."""
        ...

    def addresses(
        self, title: str, fields: Mapping[str, Any], user_id: str | None
    ) -> Sequence[str]:
        """Return who is told. Raises InvalidEvent: nobody is named, or somebody else is."""
        ...

    def check_room(self, title: str, fields: Mapping[str, Any], user_id: str | None) -> None:
        """Return if a room may be told instead. Raises InvalidEvent."""
        ...

    @property
    def takes_rooms(self) -> bool:
        """Whether rooms may be told."""
        ...

    def beside_rooms(
        self, title: str, fields: Mapping[str, Any], user_id: str | None
    ) -> Sequence[str]:
        """Return who is told beside rooms: who is named. Raises InvalidEvent, see `takes_rooms`."""
        ...

    @property
    def takes_everybody(self) -> bool:
        """Whether the publisher may name everybody instead of a user."""
        ...


@dataclass(frozen=True, slots=True)
class NamedUser:
    """The user whom the publisher names beside the fields."""

    takes_user: ClassVar[bool] = True
    takes_everybody: ClassVar[bool] = False
    takes_rooms: ClassVar[bool] = True
    knows_user: ClassVar[bool] = True
    needs: ClassVar[Collection[str]] = ()
    hidden: ClassVar[Collection[str]] = ()

    def addresses(self, title: str, _: Mapping[str, Any], user_id: str | None) -> Sequence[str]:
        """See Audience."""
        if user_id is None:
            raise InvalidEvent(f"{title}: userId is missing, whom is it for?")
        return [address.user(user_id)]

    def check_room(self, title: str, _: Mapping[str, Any], user_id: str | None) -> None:
        """See Audience."""
        if user_id is not None:
            raise InvalidEvent(f"{title}: give either userId or a room, not both")

    def beside_rooms(
        self, title: str, fields: Mapping[str, Any], user_id: str | None
    ) -> Sequence[str]:
        """See Audience."""
        return [] if user_id is None else self.addresses(title, fields, user_id)


@dataclass(frozen=True, slots=True)
class UserOrEverybody(NamedUser):
    """The user whom the publisher names beside the fields, or everybody, by an explicit word."""

    takes_everybody: ClassVar[bool] = True

    def addresses(
        self, title: str, fields: Mapping[str, Any], user_id: str | None
    ) -> Sequence[str]:
        """See Audience."""
        if user_id is None:
            raise InvalidEvent(f"{title}: whom is it for? Name a userId, or say everybody")
        return NamedUser.addresses(self, title, fields, user_id)


@dataclass(frozen=True, slots=True)
class OwnUser:
    """The user whom the field `user_id` names, and nobody else ever."""

    takes_user: ClassVar[bool] = False
    takes_everybody: ClassVar[bool] = False
    takes_rooms: ClassVar[bool] = False
    knows_user: ClassVar[bool] = True
    needs: ClassVar[Collection[str]] = ("user_id",)
    hidden: ClassVar[Collection[str]] = ()

    def addresses(
        self, title: str, fields: Mapping[str, Any], user_id: str | None
    ) -> Sequence[str]:
        """See Audience."""
        own: str = fields["user_id"]
        if user_id is not None and user_id != own:
            raise InvalidEvent(f"{title}: userId differs from the addressed user")
        return [address.user(own)]

    def check_room(self, title: str, _: Mapping[str, Any], __: str | None) -> None:
        """See Audience."""
        raise InvalidEvent(f"{title}: it is for its own user alone, it cannot go to a room")

    def beside_rooms(
        self, title: str, fields: Mapping[str, Any], user_id: str | None
    ) -> Sequence[str]:
        """See Audience."""
        self.check_room(title, fields, user_id)
        return []


@dataclass(frozen=True, slots=True)
class ChosenUsers:
    """The users whom the field `user_ids` names, or everybody if it is left out.

    The field never leaves the publisher: one user must not learn who else was told.
    """

    takes_user: ClassVar[bool] = False
    takes_everybody: ClassVar[bool] = False
    takes_rooms: ClassVar[bool] = True
    knows_user: ClassVar[bool] = False
    needs: ClassVar[Collection[str]] = ("user_ids",)
    hidden: ClassVar[Collection[str]] = ("user_ids",)

    def addresses(
        self, title: str, fields: Mapping[str, Any], user_id: str | None
    ) -> Sequence[str]:
        """See Audience."""
        if user_id is not None:
            raise InvalidEvent(f"{title}: name the users in userIds, not in userId")
        names: Sequence[str] | None = fields["user_ids"]
        if names is None:
            return [addresses.ALL]
        return [address.user(one) for one in dict.fromkeys(names)]

    def check_room(self, title: str, fields: Mapping[str, Any], user_id: str | None) -> None:
        """See Audience."""
        if fields["user_ids"] is not None:
            raise InvalidEvent(f"{title}: give either userIds or a room, not both")
        if user_id is not None:
            raise InvalidEvent(f"{title}: give either userId or a room, not both")

    def beside_rooms(
        self, title: str, fields: Mapping[str, Any], user_id: str | None
    ) -> Sequence[str]:
        """See Audience."""
        nobody = fields["user_ids"] is None and user_id is None
        return [] if nobody else self.addresses(title, fields, user_id)


class Whom(NamedTuple):
    """Whom a publisher names beside an event's fields: a user and rooms, everybody, or nobody.

    `rooms`: their names.
    """

    user_id: str | None = None
    everybody: bool = False
    rooms: Sequence[str] = ()


def whom_in(audience: Audience, title: str, fields: dict[str, Any]) -> Whom:
    """Take whom a request's body names out of its fields. Raises InvalidEvent."""
    rooms = fields.pop("rooms", None) if audience.takes_rooms else None
    if rooms is None:
        return _named_in(audience, title, fields)
    if not isinstance(rooms, list) or not all(isinstance(each, str) for each in rooms) or not rooms:
        raise InvalidEvent(f"{title}: rooms must be 1 to {MAX_NAMED} names of rooms in a list")
    return _named_in(audience, title, fields)._replace(rooms=rooms)


def _named_in(audience: Audience, title: str, fields: dict[str, Any]) -> Whom:
    if audience.takes_everybody and fields.get("everybody") is True:
        del fields["everybody"]
        if "userId" in fields:
            raise InvalidEvent(f"{title}: give either userId or everybody, not both")
        return Whom(everybody=True)
    if not audience.takes_user:
        return Whom()
    user_id = fields.pop("userId", None)
    if user_id is not None and not isinstance(user_id, str):
        raise InvalidEvent(f"{title}: userId must be a text: whom is the event for?")
    return Whom(user_id=user_id)


def addressed(
    audience: Audience,
    title: str,
    fields: Mapping[str, Any],
    whom: Whom,
    *,
    room: str | None = None,
) -> Sequence[str]:
    """Return the addresses that are told. Raises InvalidEvent: nobody is named, or somebody else.

    Args:
        audience: the type's.
        title: what errors call the event.
        fields: the event's, by their names in Python.
        whom: who is named beside them.
        room: tell those who follow it instead.
    """
    if whom.rooms:
        return _in_rooms(audience, title, fields, whom, room)
    if not whom.everybody:
        if room is None:
            return audience.addresses(title, fields, whom.user_id)
        audience.check_room(title, fields, whom.user_id)
        return [address.room(room)]
    if whom.user_id is not None or room is not None:
        raise InvalidEvent(f"{title}: everybody is told already: name no userId and no room")
    if not audience.takes_everybody:
        raise InvalidEvent(
            f"{title}: it is not for everybody; a type whose audience is UserOrEverybody is"
        )
    return [addresses.ALL]


def _in_rooms(
    audience: Audience, title: str, fields: Mapping[str, Any], whom: Whom, room: str | None
) -> Sequence[str]:
    if whom.everybody:
        raise InvalidEvent(f"{title}: everybody is told already: name no rooms")
    if room is not None:
        raise InvalidEvent(f"{title}: give either a room or rooms, not both")
    if isinstance(whom.rooms, str):
        raise InvalidEvent(f"{title}: rooms must be names of rooms in a list")
    if len(whom.rooms) > MAX_NAMED:
        raise InvalidEvent(f"{title}: {len(whom.rooms)} rooms, at most {MAX_NAMED} can be told")
    users = audience.beside_rooms(title, fields, whom.user_id)
    return [*users, *map(address.room, dict.fromkeys(whom.rooms))]
