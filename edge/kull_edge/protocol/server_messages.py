"""What devices get from this edge: docs/protocol.md, "Server → device". PURE.

The types of `data` are the one source of docs/schema/server.json, together with the producers'
events. Texts beside a field's type describe it there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal, NotRequired, TypedDict

from kull_edge.protocol.fields import REF, Said
from kull_edge.protocol.messages import Ref
from kull_edge.protocol.outgoing import OutMessage
from kull_protos.contract import addresses
from kull_protos.contract.event_types import PRESENCE
from kull_protos.contract.limits import MAX_NUMBER
from kull_protos.mesh.v1 import attach_pb2 as pb

_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

COUNT: Final = Said({"type": "integer", "minimum": 0, "maximum": MAX_NUMBER})
SOME: Final = Said({"type": "string", "minLength": 1})
OBJECT: Final = Said({"type": "object"})
PAIR: Final = Said({"type": "array", "items": COUNT.schema, "minItems": 2, "maxItems": 2})

Count = Annotated[int, COUNT]
Name = Annotated[str, SOME]
Milliseconds = Annotated[int, COUNT, "ms since the Unix epoch"]
OwnRef = Annotated[str | int, REF, "of the message that this answers"]
Queue = Annotated[str, SOME, "user, all or room:<name>"]
Generation = Annotated[list[int], PAIR, "[term, counter] of the device's session"]


class ConnectedDevice(TypedDict):
    """A device of the user."""

    deviceId: Name
    platform: str
    deviceName: str
    connectedAt: Milliseconds


class Standing(TypedDict):
    """Where a queue continues."""

    queue: Queue
    head: Annotated[int, COUNT, "the last seq of the queue"]
    after: Annotated[int, COUNT, "the seq behind which the session begins"]
    recovered: Annotated[bool, "whether everything after `after` follows"]


class Welcome(TypedDict):
    """The session is open: the first message of every connection."""

    sessionId: Name
    deviceId: Name
    userId: Name
    epoch: Name
    generation: Generation
    queue: Standing
    first: Annotated[bool, "whether nothing is known of what this device has"]
    devices: list[ConnectedDevice]
    keepalive: Annotated[float, "seconds without traffic before the server pings"]
    window: Annotated[int, COUNT, "messages with a seq that may be open at once"]
    ackDelay: Annotated[float, "seconds that acknowledgements may wait for others"]
    expiresAt: NotRequired[Annotated[int, COUNT, "of the token, ms since the Unix epoch"]]


class Joined(Standing):
    """The session follows this queue now."""

    ref: NotRequired[OwnRef]


class Left(TypedDict):
    """The session does not follow this room any more."""

    queue: Queue
    reason: NotRequired[Annotated[str, "the token does not grant it any more"]]
    ref: NotRequired[OwnRef]


class RecoveryLost(TypedDict):
    """Retention has passed this slow device by: it must fetch its state anew."""

    queue: Queue
    head: Annotated[int, COUNT, "where the queue goes on"]


class Accepted(TypedDict):
    """The device's message became this event."""

    id: Name
    ref: NotRequired[OwnRef]


class Stale(TypedDict):
    """No router serves this queue, so nothing new can come."""

    queue: Queue
    since: Milliseconds


class Fresh(TypedDict):
    """The queue is served again, and what was missed follows."""

    queue: Queue


class TokenExpired(TypedDict):
    """The device sends REFRESH before `closesAt`, or the connection closes with 4501."""

    closesAt: Milliseconds


class Refreshed(TypedDict):
    """The new token counts."""

    expiresAt: Annotated[int, COUNT, "ms since the Unix epoch; 0: never"]
    ref: NotRequired[OwnRef]


class Pong(TypedDict):
    """The answer to PING."""


class Error(TypedDict):
    """What was wrong, and what to do."""

    code: Annotated[str, SOME, "see Errors"]
    message: Annotated[str, "for people"]
    ref: NotRequired[OwnRef]


class MemberDevice(TypedDict):
    """A device with which a member is in a room."""

    deviceId: Name
    platform: str
    deviceName: str


class Member(TypedDict):
    """A user in a room, however many devices it is there with."""

    userId: Name
    since: Milliseconds
    devices: list[MemberDevice]
    state: NotRequired[Annotated[dict[str, Any], OBJECT, "as the member has set it"]]


class RoomPresence(TypedDict):
    """Who is in a room: all (`members`), what has changed, or, of a large room, how many."""

    queue: Queue
    generation: Annotated[list[int], PAIR, "[term, n]: what is not above the last one is old"]
    count: Annotated[int, COUNT, "of members"]
    members: NotRequired[Annotated[list[Member], "replaces all that was told before"]]
    joined: NotRequired[list[Member]]
    updated: NotRequired[list[Member]]
    left: NotRequired[Annotated[list[Name], "user ids"]]
    partial: NotRequired[Annotated[bool, "the room is large: no members, the count alone"]]
    neighbours: NotRequired[Annotated[list[Member], "some members with the device's own state"]]


class UserStatus(TypedDict):
    """Whether a device of a user is connected, or was until a moment ago."""

    userId: Name
    online: bool
    lastSeen: Annotated[int, COUNT, "ms since the Unix epoch; 0: not known"]
    generation: Annotated[list[int], PAIR, "[term, n]: what is not higher is old news"]


class Status(TypedDict):
    """The status of watched users: of all in the answer to WATCH, then of those that change."""

    users: list[UserStatus]
    ref: NotRequired[OwnRef]


class Reconnect(TypedDict):
    """This edge leaves: it closes with 4000 then, and the device connects again at once."""

    after: Annotated[int, COUNT, "ms"]


Data = (
    Welcome
    | Joined
    | Left
    | RecoveryLost
    | Accepted
    | Stale
    | Fresh
    | TokenExpired
    | Refreshed
    | Pong
    | RoomPresence
    | Error
    | Status
    | Reconnect
)
Type = Literal[
    "WELCOME",
    "JOINED",
    "LEFT",
    "RECOVERY_LOST",
    "ACCEPTED",
    "STALE",
    "FRESH",
    "TOKEN_EXPIRED",
    "REFRESHED",
    "PONG",
    "PRESENCE",
    "ERROR",
    "STATUS",
    "RECONNECT",
]
TYPES: Final[Mapping[Type, type]] = {
    "WELCOME": Welcome,
    "JOINED": Joined,
    "LEFT": Left,
    "RECOVERY_LOST": RecoveryLost,
    "ACCEPTED": Accepted,
    "STALE": Stale,
    "FRESH": Fresh,
    "TOKEN_EXPIRED": TokenExpired,
    "REFRESHED": Refreshed,
    "PONG": Pong,
    "PRESENCE": RoomPresence,
    "ERROR": Error,
    "STATUS": Status,
    "RECONNECT": Reconnect,
}


class Presence(ConnectedDevice):
    """One of the user's devices came or went. A lower generation is older news."""

    generation: Generation


class TypingUser(TypedDict):
    """Somebody types in the room: show it for a few seconds."""

    userId: Name


# Events that no producer publishes. The router makes them, and the edge does not look into them.
STORED: Final[Mapping[str, type]] = dict.fromkeys(sorted(PRESENCE), Presence)
EPHEMERAL: Final[Mapping[str, type]] = {"TYPING": TypingUser}


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What every server message of one session carries."""

    user_id: str
    timestamp: int  # milliseconds since the Unix epoch

    def message(self, kind: Type, data: Data) -> OutMessage:
        """Return a server message as a text."""
        return self.encoded(kind, encoded(data))

    def encoded(self, kind: Type, data: str) -> OutMessage:
        """Return it with data that is JSON already, since many sessions get the same."""
        text = (
            f'{{"type":"{kind}","data":{data},"timestamp":{self.timestamp},'
            f'"deviceId":"server","userId":{_encode(self.user_id)}}}'
        )
        return OutMessage(text.encode("utf-8", "replace"))

    def error(self, code: str, message: str, ref: Ref = None) -> OutMessage:
        """Return an ERROR."""
        data = Error(code=code, message=message)
        if ref is not None:
            data["ref"] = ref
        return self.message("ERROR", data)

    def refreshed(self, expires_ms: int, ref: Ref) -> OutMessage:
        """Return a REFRESHED."""
        data = Refreshed(expiresAt=expires_ms)
        if ref is not None:
            data["ref"] = ref
        return self.message("REFRESHED", data)

    def accepted(self, event_id: str, ref: Ref) -> OutMessage:
        """Return an ACCEPTED."""
        data = Accepted(id=event_id)
        if ref is not None:
            data["ref"] = ref
        return self.message("ACCEPTED", data)


def encoded(data: Data) -> str:
    """Return data as JSON, for `Envelope.encoded`."""
    return _encode(data)


def queue_name(address: str) -> str:
    """Return how devices call a queue: their own is `user`."""
    return "user" if addresses.is_user(address) else address


def devices_json(devices: Sequence[pb.Device]) -> list[ConnectedDevice]:
    """Return WELCOME's list of connected devices."""
    return [
        ConnectedDevice(
            deviceId=device.device_id,
            platform=device.platform,
            deviceName=device.name,
            connectedAt=device.connected_at,
        )
        for device in devices
    ]


def member_json(member: pb.Member) -> Member:
    """Return a member of a room; its state is JSON, as an edge has let it through."""
    data = Member(
        userId=member.user_id,
        since=member.since,
        devices=[
            MemberDevice(deviceId=each.device_id, platform=each.platform, deviceName=each.name)
            for each in member.devices
        ],
    )
    if member.state:
        data["state"] = json.loads(member.state)
    return data


def welcome_json(
    answer: pb.Subscribed,
    *,
    session_id: str,
    device_id: str,
    user_id: str,
    keepalive: float,
    window: int,
    ack_delay: float,
) -> Welcome:
    """Return the data of WELCOME; times in seconds, `window` in messages."""
    data = Welcome(
        sessionId=session_id,
        deviceId=answer.device.device_id or device_id,
        userId=user_id,
        epoch=answer.epoch,
        generation=[answer.generation.term, answer.generation.counter],
        queue=position_json(answer),
        first=answer.first,
        devices=devices_json(answer.devices),
        keepalive=keepalive,
        window=window,
        ackDelay=ack_delay,
    )
    if answer.expires_at:
        data["expiresAt"] = answer.expires_at
    return data


def position_json(answer: pb.Subscribed) -> Standing:
    """Return where a queue continues, for WELCOME and JOINED."""
    return Standing(
        queue=queue_name(answer.address),
        head=answer.head,
        after=answer.after,
        recovered=answer.recovered,
    )


def joined_json(standing: Standing, ref: Ref = None) -> Joined:
    """Return the data of JOINED."""
    data = Joined(
        queue=standing["queue"],
        head=standing["head"],
        after=standing["after"],
        recovered=standing["recovered"],
    )
    if ref is not None:
        data["ref"] = ref
    return data
