"""Texts of the wire to values and back. PURE."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kull_client.errors import BadMessage, InvalidMessage
from kull_client.event import USER_QUEUE, Device, Event, Position
from kull_client.limits import (
    MAX_DEVICE_ID_CHARS,
    MAX_NAME_CHARS,
    MAX_PLATFORM_CHARS,
    MAX_REF_CHARS,
    MAX_TOKEN_CHARS,
)

Json = dict[str, Any]
# How the server begins an entry of the user's own queue, or of another one.
_HEAD: Final = re.compile(r'\{"seq":(\d{1,18}),(?:"queue":"([^"\\]+)",)?(?!"queue")')


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a queue continues. `recovered` is false if events are gone for this device."""

    queue: str
    head: int
    after: int
    recovered: bool


def parse(text: str | bytes) -> Json:
    """Return the message's object. Raises BadMessage."""
    if isinstance(text, bytes):
        raise BadMessage("the server sent a binary frame")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadMessage(f"the server sent something that is not JSON: {error}") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise BadMessage("the server sent a message without a type")
    data = message.get("data")
    if not isinstance(data, dict | None):
        raise BadMessage(f"the server sent a {message['type']} whose data is not an object")
    return message | {"data": data or {}}


def is_event(message: Json) -> bool:
    """Return whether it carries an event, whatever its type is called."""
    return message.get("seq") is not None or message.get("id") is not None


def place_of(text: str | bytes) -> Event | None:
    """Return where an entry stands that cannot be read: an event with `seq` and `queue` alone.

    None: the message is no entry, or does not even say which one it is.
    """
    if isinstance(text, bytes):
        return None
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        head = _HEAD.match(text)
        fields = {"seq": int(head[1]), "queue": head[2]} if head else None
    try:
        if isinstance(fields, dict):
            seq, queue = number(fields, "seq"), text_of(fields, "queue", USER_QUEUE)
            return Event(type="", data={}, seq=seq, queue=queue)
    except BadMessage:
        pass
    return None


def event_of(message: Json) -> Event:
    """Return the event that a message carries. Raises BadMessage."""
    seq = message.get("seq")
    if seq is not None:
        seq = number(message, "seq")
    return Event(
        type=message["type"],
        data=message["data"],
        seq=seq,
        queue=text_of(message, "queue", USER_QUEUE),
        id=text_of(message, "id"),
        timestamp=number(message, "timestamp", 0),
        device_id=text_of(message, "deviceId", "server"),
        user_id=text_of(message, "userId"),
        sender=text_of(message, "sender"),
        traceparent=text_of(message, "traceparent"),
    )


def standing_of(data: Mapping[str, Any]) -> Standing:
    """Return a queue's standing, from WELCOME's `queue` or JOINED's data. Raises BadMessage."""
    return Standing(
        queue=text_of(data, "queue"),
        head=number(data, "head"),
        after=number(data, "after"),
        recovered=data.get("recovered") is True,
    )


def device_of(data: Mapping[str, Any]) -> Device:
    """Return a device, from WELCOME's `devices` or a presence event's data. Raises BadMessage."""
    return Device(
        device_id=text_of(data, "deviceId"),
        platform=text_of(data, "platform", ""),
        device_name=text_of(data, "deviceName", ""),
        connected_at=number(data, "connectedAt", 0),
    )


def devices_of(data: Mapping[str, Any]) -> list[Device]:
    """Return the `devices` of WELCOME, or of a member of a room. Raises BadMessage."""
    return [device_of(each) for each in objects(data, "devices")]


def objects(data: Mapping[str, Any], name: str) -> list[Json]:
    """Return a list of objects, empty if it is absent. Raises BadMessage."""
    found = data.get(name) or []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise BadMessage(f"{name} must be a list of objects")
    return found


def texts(data: Mapping[str, Any], name: str) -> list[str]:
    """Return a list of strings, empty if it is absent. Raises BadMessage."""
    found = data.get(name) or []
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise BadMessage(f"{name} must be a list of strings")
    return found


def generation_of(data: Mapping[str, Any]) -> tuple[int, int]:
    """Return a presence event's session generation, (0, 0) if it has none. Raises BadMessage."""
    match data.get("generation") or [0, 0]:
        case [int() as term, int() as counter]:
            return term, counter
        case other:
            raise BadMessage(f"generation must be [term, counter], not {other!r:.60}")


def part(data: Mapping[str, Any], name: str) -> Json:
    """Return an object inside an object. Raises BadMessage."""
    value = data.get(name)
    if not isinstance(value, dict):
        raise BadMessage(f"{name} must be an object, not {value!r:.60}")
    return value


def number(data: Mapping[str, Any], name: str, default: int | None = None) -> int:
    """Return a whole number of an object, at least 0. Raises BadMessage."""
    value = _value(data, name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadMessage(f"{name} must be a whole number, not {value!r:.60}")
    return value


def seconds(data: Mapping[str, Any], name: str, default: float) -> float:
    """Return a time of an object, at least 0. Raises BadMessage."""
    value = _value(data, name, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not value >= 0:
        raise BadMessage(f"{name} must be a number of seconds, not {value!r:.60}")
    return value


def text_of(data: Mapping[str, Any], name: str, default: str | None = "") -> str:
    """Return a string of an object. Raises BadMessage."""
    value = _value(data, name, default)
    if not isinstance(value, str):
        raise BadMessage(f"{name} must be a string, not {value!r:.60}")
    return value


def _value(data: Mapping[str, Any], name: str, default: object) -> object:
    """Return a field, or what counts without it: null is as good as absent."""
    value = data.get(name)
    return default if value is None else value


def hello(
    token: str,
    position: Position,
    *,
    instance: str,
    device_id: str = "",
    device_name: str = "",
    platform: str = "",
) -> str:
    """Return the first message of a connection. Raises InvalidMessage."""
    _check("token", token, MAX_TOKEN_CHARS, least=1)
    _check("epoch", position.epoch, MAX_REF_CHARS)
    _check("device_id", device_id, MAX_DEVICE_ID_CHARS)
    _check("device_name", device_name, MAX_NAME_CHARS)
    _check("platform", platform, MAX_PLATFORM_CHARS)
    message: Json = {"type": "HELLO", "token": token, "instance": instance}
    if position.epoch and position.after:
        message |= {"epoch": position.epoch, "after": dict(position.after)}
    if device_id:
        message["deviceId"] = device_id
    if device_name:
        message["deviceName"] = device_name
    if platform:
        message["platform"] = platform
    return compact(message)


def _check(name: str, text: object, most: int, *, least: int = 0) -> None:
    if not isinstance(text, str) or not least <= len(text) <= most:
        raise InvalidMessage(f"{name}: must be a string of {least} to {most} characters")


def ack(queue: str, seq: int) -> str:
    """Return an acknowledgement of everything in the queue up to `seq`."""
    message: Json = {"type": "ACK", "seq": seq}
    if queue != USER_QUEUE:
        message["queue"] = queue
    return compact(message)


def refresh(token: str, ref: str) -> str:
    """Return a message that gives the connection another token. Raises InvalidMessage."""
    _check("token", token, MAX_TOKEN_CHARS, least=1)
    return compact({"type": "REFRESH", "token": token, "ref": ref})


def join(queue: str, ref: str, *, history: int = 0, state: Json | None = None) -> str:
    """Return a message that follows a room, from where HELLO said or the server knows.

    history: of a room in which this device has never been, so many entries of the past.

    Raises InvalidMessage for a state that is no JSON.
    """
    message: Json = {"type": "JOIN", "queue": queue, "ref": ref}
    if history:
        message["history"] = history
    if state is not None:
        message["state"] = state
    return compact(message)


def state(queue: str, value: Json | None) -> str:
    """Return a message that says what the user's member in a room is doing. None: nothing.

    Raises InvalidMessage for what is no JSON.
    """
    return compact({"type": "STATE", "queue": queue, "state": value})


def send(queue: str, event: str, data: Json, ref: str) -> str:
    """Return a message that publishes an event into a room. Raises InvalidMessage."""
    return compact({"type": "SEND", "queue": queue, "event": event, "data": data, "ref": ref})


def watch(user_ids: Sequence[str], ref: str) -> str:
    """Return a message that watches the status of users, instead of those before."""
    return compact({"type": "WATCH", "userIds": list(user_ids), "ref": ref})


def leave(queue: str, ref: str) -> str:
    """Return a message that ends following a room."""
    return compact({"type": "LEAVE", "queue": queue, "ref": ref})


def typing(queue: str, ref: str) -> str:
    """Return a message that tells a room that the user is typing."""
    return compact({"type": "TYPING", "queue": queue, "ref": ref})


def logout(ref: str) -> str:
    """Return a message that takes the connection's token back."""
    return compact({"type": "LOGOUT", "ref": ref})


def sign_out(device_id: str, ref: str) -> str:
    """Return a message that signs out a device of the same user. Raises InvalidMessage."""
    _check("device_id", device_id, MAX_DEVICE_ID_CHARS, least=1)
    return compact({"type": "SIGN_OUT", "deviceId": device_id, "ref": ref})


def lifetime_of(message: Mapping[str, Any]) -> float | None:
    """Return the seconds that the token of WELCOME or REFRESHED still lives; None: for ever.

    By the server's clock alone: the device's may be wrong. Raises BadMessage.
    """
    expires_ms = number(message["data"], "expiresAt", 0)
    if not expires_ms:
        return None
    return max(0.0, (expires_ms - number(message, "timestamp", 0)) / 1000)


def progress(fields: Mapping[str, Any], traceparent: str) -> Json:
    """Return a device's own progress message, without what is None; its `ref` is missing."""
    payload = {name: value for name, value in fields.items() if value is not None}
    trace = {"traceparent": traceparent} if traceparent else {}
    return {"type": "UPDATE_PROGRESS", "payload": payload, **trace}


def compact(message: Json) -> str:
    """Return JSON without spaces. Raises InvalidMessage for what JSON or UTF-8 does not know."""
    try:
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        text.encode()
    except UnicodeEncodeError:
        name = _not_unicode(message)
        raise InvalidMessage(f"{name}: is no Unicode text: a file name in bytes?") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidMessage(f"{message['type']}: {error}") from None
    return text


def _not_unicode(value: object, name: str = "") -> str:
    """Return the name of the text in there that UTF-8 cannot hold, empty if none is."""
    if isinstance(value, dict):
        below = (_not_unicode(each, f"{name}.{key}".lstrip(".")) for key, each in value.items())
        return next(filter(None, below), "")
    if not isinstance(value, str):
        return ""
    try:
        value.encode()
    except UnicodeEncodeError:
        return name
    return ""
