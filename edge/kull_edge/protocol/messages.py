"""The texts of docs/protocol.md: reading what devices send, building what they get. PURE."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from kull_edge.errors import BadFrame
from kull_edge.protocol.outgoing import OutFrame
from kull_protos.contract import addresses
from kull_protos.contract.limits import (
    MAX_ADDRESS_BYTES,
    MAX_DEVICE_ID_CHARS,
    MAX_NAME_CHARS,
    MAX_PLATFORM_CHARS,
    MAX_QUEUES,
    MAX_REF_CHARS,
    MAX_SEQ,
    MAX_TOKEN_CHARS,
)
from kull_protos.mesh.v1.attach_pb2 import Device, Generation, Subscribed

Json = dict[str, Any]
Ref = str | int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The first message of a device that did not give its token elsewhere."""

    token: str
    epoch: str = ""
    after: Mapping[str, int] = field(default_factory=dict)  # queue -> last processed seq
    device_name: str = ""
    platform: str = ""
    instance: str = ""
    device_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """Everything of `queue` up to `seq` is processed."""

    seq: int
    queue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateProgress:
    """Progress for the user's other devices; `payload` is JSON."""

    payload: bytes
    ref: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """Another token for this session."""

    token: str = field(repr=False)
    ref: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRoom:
    """The device wants to follow a room; `after` is the last seq that it has processed there."""

    queue: str
    after: int | None
    ref: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveRoom:
    """The device does not want to follow a room any more."""

    queue: str
    ref: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Typing:
    """The device's user is typing in a room."""

    queue: str
    ref: Ref


@dataclass(frozen=True, slots=True, kw_only=True)
class Logout:
    """The session's token shall be worth nothing any more."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class Ping:
    """Asks for a sign of life: browsers do not show WebSocket pings to pages."""


RoomMessage = JoinRoom | LeaveRoom | Typing
DeviceMessage = Hello | Ack | UpdateProgress | Refresh | RoomMessage | Logout | Ping


def parse(data: str) -> DeviceMessage:
    """Return the message in a text frame. Raises BadFrame saying what was wrong."""
    try:
        message = _DECODER.decode(data)
    except (ValueError, RecursionError) as error:
        raise BadFrame("invalid_json", f"the frame is not JSON: {str(error)[:120]}") from None
    if not isinstance(message, dict):
        raise BadFrame("invalid_json", "the frame is JSON, but not an object")
    match message.get("type"):
        case "HELLO":
            return _hello(message)
        case "ACK":
            return Ack(
                seq=_seq(message.get("seq"), "seq"),
                queue=_text(message, "queue", MAX_NAME_CHARS * 4) or "user",
            )
        case "UPDATE_PROGRESS":
            return _update_progress(message)
        case "REFRESH":
            return Refresh(token=_token(message), ref=_ref(message))
        case "JOIN":
            return _join(message)
        case "LEAVE":
            return LeaveRoom(queue=_room(message), ref=_ref(message))
        case "TYPING":
            return Typing(queue=_room(message), ref=_ref(message))
        case "LOGOUT":
            return Logout(ref=_ref(message))
        case "PING":
            return Ping()
        case unknown:
            known = "HELLO, ACK, UPDATE_PROGRESS, REFRESH, JOIN, LEAVE, TYPING, LOGOUT, PING"
            raise BadFrame(
                "unknown_type",
                f"type {str(unknown)[:40]!r} is not one of {known}",
                _ref(message),
            )


def parse_after(value: str) -> dict[str, int]:
    """Return the positions in `user:12,all:7`. Raises BadFrame."""
    after: dict[str, int] = {}
    for part in filter(None, value.split(",")):
        queue, _, seq = part.rpartition(":")
        # isascii too: int() would read other scripts' digits.
        if not queue or not (seq.isascii() and seq.isdigit()) or len(seq) > 19:
            raise BadFrame(
                "invalid_message", f"after: {part[:40]!r} is not <queue>:<seq>, e.g. user:12"
            )
        after[queue] = _seq(int(seq), "after")
    return _few(after)


def _hello(message: Json) -> Hello:
    token = _token(message)
    after = message.get("after", {})
    if not isinstance(after, dict):
        raise BadFrame("invalid_message", 'after: must be an object, e.g. {"user": 12}')
    return Hello(
        token=token,
        epoch=_text(message, "epoch", MAX_REF_CHARS),
        after=_few({queue: _seq(seq, f"after.{queue[:40]}") for queue, seq in after.items()}),
        device_name=_text(message, "deviceName", MAX_NAME_CHARS),
        platform=_text(message, "platform", MAX_PLATFORM_CHARS),
        instance=_text(message, "instance", MAX_REF_CHARS),
        device_id=_text(message, "deviceId", MAX_DEVICE_ID_CHARS),
    )


def _join(message: Json) -> JoinRoom:
    ref, after = _ref(message), message.get("after")
    if after is not None:
        after = _seq(after, "after")
    return JoinRoom(queue=_room(message), after=after, ref=ref)


def _room(message: Json) -> str:
    queue: Any = message.get("queue")
    named = isinstance(queue, str) and addresses.is_room(queue) and queue != addresses.ROOM
    if named and _encodes(queue) and len(queue.encode()) <= MAX_ADDRESS_BYTES:
        return str(queue)
    raise BadFrame(
        "invalid_message",
        f"queue: must be room:<name>, at most {MAX_ADDRESS_BYTES} bytes",
        _ref(message),
    )


def _token(message: Json) -> str:
    token = message.get("token")
    if not isinstance(token, str) or not 0 < len(token) <= MAX_TOKEN_CHARS or not _encodes(token):
        raise BadFrame(
            "invalid_message", f"token: must be a string of 1 to {MAX_TOKEN_CHARS} characters"
        )
    return token


def _update_progress(message: Json) -> UpdateProgress:
    ref = _ref(message)
    payload = message.get("payload")
    if not isinstance(payload, dict):
        raise BadFrame("invalid_message", "payload: must be an object", ref)
    try:
        text = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return UpdateProgress(payload=text.encode(), ref=ref)
    except (ValueError, RecursionError):
        raise BadFrame(
            "invalid_message", "payload: holds a number or character that JSON cannot carry", ref
        ) from None


def _ref(message: Json) -> Ref:
    ref = message.get("ref")
    if ref is None or (isinstance(ref, str) and len(ref) <= MAX_REF_CHARS):
        return ref
    if isinstance(ref, int) and not isinstance(ref, bool) and abs(ref) <= MAX_SEQ:
        return ref
    raise BadFrame(
        "invalid_message", f"ref: must be an integer or a string of at most {MAX_REF_CHARS}"
    )


def _text(message: Json, name: str, limit: int) -> str:
    value = message.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > limit or not _encodes(value):
        raise BadFrame("invalid_message", f"{name}: must be a string of at most {limit} characters")
    return value


def _encodes(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True


def _seq(value: object, name: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_SEQ:
        return value
    raise BadFrame("invalid_message", f"{name}: must be an integer from 0 to {MAX_SEQ}")


def _few(after: dict[str, int]) -> dict[str, int]:
    if len(after) > MAX_QUEUES:
        raise BadFrame("invalid_message", f"after: names more than {MAX_QUEUES} queues")
    return after


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(parse_constant=_no_constant)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What every server message of one session carries."""

    user_id: str
    timestamp: int  # milliseconds since the Unix epoch

    def message(self, kind: str, data: Json) -> OutFrame:
        """Return a server message as a text."""
        text = json.dumps(
            {
                "type": kind,
                "data": data,
                "timestamp": self.timestamp,
                "deviceId": "server",
                "userId": self.user_id,
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )
        return OutFrame(text.encode("utf-8", "replace"))

    def error(self, code: str, message: str, ref: Ref = None) -> OutFrame:
        """Return an ERROR."""
        data: Json = {"code": code, "message": message}
        if ref is not None:
            data["ref"] = ref
        return self.message("ERROR", data)

    def refreshed(self, expires_ms: int, ref: Ref) -> OutFrame:
        """Return a REFRESHED."""
        data: Json = {"expiresAt": expires_ms}
        if ref is not None:
            data["ref"] = ref
        return self.message("REFRESHED", data)

    def accepted(self, event_id: str, ref: Ref) -> OutFrame:
        """Return an ACCEPTED."""
        data: Json = {"id": event_id}
        if ref is not None:
            data["ref"] = ref
        return self.message("ACCEPTED", data)


def queue_name(address: str) -> str:
    """Return how devices call a queue: their own is `user`."""
    return "user" if addresses.is_user(address) else address


def generation_json(generation: Generation) -> list[int]:
    """Return a generation as devices get it."""
    return [generation.term, generation.counter]


def devices_json(devices: Sequence[Device]) -> list[Json]:
    """Return WELCOME's list of connected devices."""
    return [
        {
            "deviceId": device.device_id,
            "platform": device.platform,
            "deviceName": device.name,
            "connectedAt": device.connected_at,
        }
        for device in devices
    ]


def welcome_json(answer: Subscribed) -> Json:
    """Return what WELCOME tells of the user's own queue and the token."""
    data: Json = {
        "epoch": answer.epoch,
        "generation": generation_json(answer.generation),
        "queue": place_json(answer),
        "first": answer.first,
        "devices": devices_json(answer.devices),
    }
    if answer.expires_at:
        data["expiresAt"] = answer.expires_at
    return data


def place_json(answer: Subscribed) -> Json:
    """Return where a queue continues, for WELCOME and JOINED."""
    return {
        "queue": queue_name(answer.address),
        "head": answer.head,
        "after": answer.after,
        "recovered": answer.recovered,
    }
