"""What devices say: docs/protocol.md, "Device → server". PURE.

The classes are the one source of the reader below and of docs/schema/device.json: each field's
kind stands in its annotation.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from typing import Annotated, Any, ClassVar, Final, NoReturn, get_type_hints

from kull_edge.errors import BadMessage
from kull_edge.protocol.fields import (
    DATA,
    EVENT,
    HISTORY,
    PAYLOAD,
    POSITIONS,
    REF,
    ROOM,
    SEQ,
    STATE,
    USERS,
    Invalid,
    Json,
    Kind,
    text,
)
from kull_protos.contract.error_codes import ErrorCode
from kull_protos.contract.limits import (
    MAX_DEVICE_ID_CHARS,
    MAX_NAME_CHARS,
    MAX_PLATFORM_CHARS,
    MAX_REF_CHARS,
    MAX_TOKEN_CHARS,
    MAX_TRACEPARENT_CHARS,
)

Ref = str | int | None
OptionalRef = Annotated[Ref, REF]
Room = Annotated[str, ROOM]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The first message of a device that did not give its token elsewhere."""

    RULE: ClassVar[Json] = {
        "if": {
            "properties": {"after": {"type": "object", "minProperties": 1}},
            "required": ["after"],
        },
        "then": {
            "properties": {"epoch": {"type": "string", "minLength": 1}},
            "required": ["epoch"],
        },
    }

    token: Annotated[str, text(MAX_TOKEN_CHARS, least=1)] = field(repr=False)
    epoch: Annotated[str, text(MAX_REF_CHARS)] = ""
    # queue -> last processed seq
    after: Annotated[Mapping[str, int], POSITIONS] = field(default_factory=dict)
    device_name: Annotated[str, text(MAX_NAME_CHARS)] = ""
    platform: Annotated[str, text(MAX_PLATFORM_CHARS)] = ""
    instance: Annotated[str, text(MAX_REF_CHARS)] = ""
    device_id: Annotated[str, text(MAX_DEVICE_ID_CHARS)] = ""

    def __post_init__(self) -> None:
        """Check `RULE`. Raises Invalid."""
        if self.after and not self.epoch:
            raise Invalid("epoch: is needed to make sense of `after`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """Everything of `queue` up to `seq` is processed."""

    seq: Annotated[int, SEQ]
    queue: Annotated[str, text(MAX_NAME_CHARS * 4)] = "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateProgress:
    """Progress for the user's other devices; `payload` is JSON.

    `traceparent`: of what the device does (W3C Trace Context); one that cannot be read is as none.
    """

    payload: Annotated[bytes, PAYLOAD]
    traceparent: Annotated[str, text(MAX_TRACEPARENT_CHARS)] = ""
    ref: OptionalRef = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """Another token for this session."""

    token: Annotated[str, text(MAX_TOKEN_CHARS, least=1)] = field(repr=False)
    ref: OptionalRef = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRoom:
    """The device wants to follow a room; `after` is the last seq that it has processed there.

    `state`: as in STATE, from the first moment; absent: it stays as it is.
    `history`: how many of the last entries it wants if it has never been there.
    """

    queue: Room
    after: Annotated[int | None, SEQ] = None
    state: Annotated[bytes | None, STATE] = None
    history: Annotated[int, HISTORY] = 0
    ref: OptionalRef = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveRoom:
    """The device does not want to follow a room any more."""

    queue: Room
    ref: OptionalRef = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetState:
    """What the device's user does in a room, for its other members; absent: nothing."""

    queue: Room
    state: Annotated[bytes, STATE] = b""
    ref: OptionalRef = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Typing:
    """The device's user is typing in a room."""

    queue: Room
    ref: OptionalRef = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """An event of the device's user for a room; `data` is JSON."""

    queue: Room
    event: Annotated[str, EVENT]
    data: Annotated[bytes, DATA]
    ref: OptionalRef = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Logout:
    """The session's token shall be worth nothing any more."""

    ref: OptionalRef = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOut:
    """A device of the same user shall have to log in again, and be as if it had never been here."""

    device_id: Annotated[str, text(MAX_DEVICE_ID_CHARS, least=1)]
    ref: OptionalRef = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """The device wants to hear whether these users are there; instead of those before."""

    user_ids: Annotated[Sequence[str], USERS]
    ref: OptionalRef = None


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks for a sign of life: browsers do not show WebSocket pings to pages."""


RoomMessage = JoinRoom | LeaveRoom | SetState | Typing
SessionMessage = (
    Ack | UpdateProgress | Refresh | RoomMessage | Send | Logout | SignOut | Watch | Ping
)
DeviceMessage = Hello | SessionMessage

TYPES: Final[Mapping[str, type[DeviceMessage]]] = {
    "HELLO": Hello,
    "ACK": Ack,
    "UPDATE_PROGRESS": UpdateProgress,
    "REFRESH": Refresh,
    "JOIN": JoinRoom,
    "LEAVE": LeaveRoom,
    "STATE": SetState,
    "TYPING": Typing,
    "SEND": Send,
    "LOGOUT": Logout,
    "SIGN_OUT": SignOut,
    "WATCH": Watch,
    "PING": Ping,
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message as it is on the wire."""

    attribute: str
    name: str
    kind: Kind
    required: bool


def fields_of(message: type[DeviceMessage]) -> tuple[Field, ...]:
    """Return the fields that a message has on the wire, beside its `type`."""
    hints = get_type_hints(message, include_extras=True)
    return tuple(
        Field(
            each.name,
            _camel(each.name),
            hints[each.name].__metadata__[0],
            each.default is MISSING and each.default_factory is MISSING,
        )
        for each in fields(message)
    )


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(each.title() for each in rest)


class _Reader:
    """Reads one type of message."""

    __slots__ = ("_fields", "_message")

    def __init__(self, message: type[DeviceMessage]) -> None:
        self._message = message
        self._fields = tuple(
            (each.attribute, each.name, each.kind.read, each.required)
            for each in fields_of(message)
        )

    def read(self, message: Json) -> DeviceMessage:
        """Return the message. Raises Invalid."""
        values = {}
        for attribute, name, read, required in self._fields:
            value = message.get(name)
            if value is not None or required:
                values[attribute] = read(value, name)
        return self._message(**values)


_READERS: Final = {name: _Reader(message) for name, message in TYPES.items()}


def parse(data: str) -> DeviceMessage:
    """Return the message in a text. Raises BadMessage saying what was wrong."""
    try:
        message = _DECODER.decode(data)
    except (ValueError, RecursionError) as error:
        raise BadMessage(
            ErrorCode.INVALID_JSON, f"the message is not JSON: {str(error)[:120]}"
        ) from None
    if not isinstance(message, dict):
        raise BadMessage(ErrorCode.INVALID_JSON, "the message is JSON, but not an object")
    type_ = message.get("type")
    reader = _READERS.get(type_) if isinstance(type_, str) else None
    try:
        if reader is not None:
            return reader.read(message)
        known = ", ".join(TYPES)
        why = f"type {str(type_)[:40]!r} is not one of {known}"
        raise BadMessage(ErrorCode.UNKNOWN_TYPE, why, _ref(message))
    except Invalid as error:
        raise BadMessage(ErrorCode.INVALID_MESSAGE, str(error), _ref(message)) from None


def _ref(message: Json) -> Ref:
    """Return what an ERROR repeats, so that the device knows which message it is about."""
    ref = message.get("ref")
    try:
        return None if ref is None else REF.read(ref, "ref")
    except Invalid:
        return None


def parse_after(value: str) -> dict[str, int]:
    """Return the positions in `user:12,all:7`. Raises BadMessage."""
    after: dict[str, int] = {}
    for part in filter(None, value.split(",")):
        queue, _, seq = part.rpartition(":")
        # isascii too: int() would read other scripts' digits.
        if not queue or not (seq.isascii() and seq.isdigit()) or len(seq) > 19:
            raise BadMessage(
                ErrorCode.INVALID_MESSAGE,
                f"after: {part[:40]!r} is not <queue>:<seq>, e.g. user:12",
            )
        after[queue] = int(seq)
    try:
        POSITIONS.read(after, "after")
    except Invalid as error:
        raise BadMessage(ErrorCode.INVALID_MESSAGE, str(error)) from None
    return after


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER: Final[Any] = json.JSONDecoder(parse_constant=_no_constant)
