"""From an event to the messages that carry it, and back from a message's body. PURE.

The body is built here once, and every device gets these bytes with nothing but `seq` spliced in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from kull_producers.errors import InvalidEvent
from kull_producers.events import address, topology
from kull_producers.events.message import Message
from kull_producers.events.models import (
    MAX_NUMBER,
    CreditUpdate,
    Event,
    PromptChange,
    ShootProgress,
    event_from_data,
)
from kull_producers.events.stamp import Stamp, check_id
from kull_producers.events.strict_json import compact, parse_object

RESERVED: Final = ("seq", "queue")  # spliced in later: a second one would win in a browser
TYPING: Final = "TYPING"
SERVER: Final = "server"  # the `deviceId` of events that no device has caused


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A body as it was found, its outer fields checked, its data not yet.

    Attributes:
        id: empty if the body has none.
        timestamp_ms: milliseconds since the Unix epoch, None if the body has none.
        device_id: the device that caused the event, or `server`.
        user_id: whom it is for, empty if the body does not say.
    """

    id: str
    type: str
    data: dict[str, Any]
    timestamp_ms: int | None
    device_id: str
    user_id: str


def messages_of(
    event: Event,
    stamp: Stamp,
    *,
    shard_count: int,
    user_id: str | None = None,
    room: str | None = None,
    device_id: str = SERVER,
) -> list[Message]:
    """Return one message per address the event is for, all with the same id.

    Args:
        event: what happened.
        stamp: its id, time and version.
        shard_count: the deployment's.
        user_id: whom a shoot progress is for. A credit update names its user itself.
        room: tell those who follow this room, instead of a user or everybody.
        device_id: the device that caused it, which then does not get it back.

    Raises:
        InvalidEvent: the addressed user or room is missing, wrong, or contradicts the event.
    """
    addresses = _addresses(event, user_id) if room is None else [_room(event, user_id, room)]
    return [
        _message(event, stamp, to, device_id=device_id, shard_count=shard_count) for to in addresses
    ]


def device_progress(
    payload: bytes, stamp: Stamp, *, user_id: str, device_id: str, shard_count: int
) -> Message:
    """Return the message for a device's UPDATE_PROGRESS, excluding that device.

    `payload` is UTF-8 JSON with the fields of a shoot progress. Raises InvalidEvent.
    """
    event = ShootProgress.from_data(parse_object(payload, "payload"))
    to = address.user(user_id)
    return _message(event, stamp, to, device_id=device_id, shard_count=shard_count)


def device_typing(
    room: str, stamp: Stamp, *, user_id: str, device_id: str, shard_count: int
) -> Message:
    """Return the message for a device's TYPING in a room's address. Raises InvalidEvent.

    It goes to all who are there, the user's own devices too: a device id alone names nobody here.
    """
    body = {
        "id": stamp.id,
        "type": TYPING,
        "data": {"userId": user_id},
        "timestamp": stamp.timestamp_ms,
        "deviceId": device_id,
        "userId": "",
    }
    return Message(
        exchange=topology.ROOM,
        routing_key=address.routing_key(address.check(room), shard_count, TYPING),
        body=compact(body),
        message_id=stamp.id,
        type=TYPING,
        app_id=stamp.app_id,
        headers={topology.HEADER_ADDRESS: room, topology.HEADER_CONTRACT: "ephemeral"},
    )


def parse_body(body: bytes, *, verbatim: bool = False) -> Envelope:
    """Check a body's outer fields. Raises InvalidEvent saying what is wrong.

    `type` and `data` are required. Fields that an envelope does not have are ignored,
    but with `verbatim` (these very bytes go to devices) it must not bring its own seq or queue.
    """
    fields = parse_object(body, "body")
    for name in RESERVED:
        if verbatim and name in fields:
            raise InvalidEvent(f"body: {name} is set by the router, leave it out")
    data = fields.get("data")
    if not isinstance(data, dict):
        raise InvalidEvent("body: data must be a JSON object")
    timestamp_ms = fields.get("timestamp")
    if timestamp_ms is not None and (
        type(timestamp_ms) is not int or not 0 <= timestamp_ms <= MAX_NUMBER
    ):
        raise InvalidEvent("body: timestamp must be whole milliseconds since the Unix epoch")
    if not fields.get("type"):
        raise InvalidEvent("body: type is missing")
    event_id = _text(fields, "id")
    return Envelope(
        id=event_id and check_id(event_id),
        type=_text(fields, "type"),
        data=data,
        timestamp_ms=timestamp_ms,
        device_id=_text(fields, "deviceId") or SERVER,
        user_id=_text(fields, "userId"),
    )


def messages_from_body(
    body: bytes, *, shard_count: int, fallback_id: str, now_ms: int, app_id: str = ""
) -> list[Message]:
    """Rebuild the messages of an event that was published without this SDK.

    Args:
        body: an envelope; `data.userIds` of a prompt change says who is told.
        shard_count: the deployment's.
        fallback_id: the event's id if the body has none: AMQP's message_id, or a new one.
        now_ms: milliseconds since the Unix epoch; a timestamp from the future counts as now, so
            that it cannot make all later events of its key stale.
        app_id: of the original message.

    Raises:
        InvalidEvent: this is no event, or it does not say whom it is for.
    """
    found = parse_body(body)
    event = event_from_data(found.type, found.data)
    timestamp_ms = min(now_ms if found.timestamp_ms is None else found.timestamp_ms, now_ms)
    stamp = Stamp(
        id=found.id or check_id(fallback_id),
        timestamp_ms=timestamp_ms,
        version=timestamp_ms * 1000,
        app_id=app_id,
    )
    # A prompt change is addressed by its userIds alone.
    user_id = None if isinstance(event, PromptChange) else found.user_id or None
    return messages_of(
        event, stamp, shard_count=shard_count, user_id=user_id, device_id=found.device_id
    )


def _addresses(event: Event, user_id: str | None) -> Sequence[str]:
    match event:
        case CreditUpdate():
            if user_id is not None and user_id != event.user_id:
                raise InvalidEvent("credit update: userId differs from the addressed user")
            return [address.user(event.user_id)]
        case PromptChange():
            if user_id is not None:
                raise InvalidEvent("prompt change: name the users in userIds, not in userId")
            if event.user_ids is None:
                return [address.ALL]
            return [address.user(one) for one in dict.fromkeys(event.user_ids)]
        case _:
            if user_id is None:
                raise InvalidEvent(f"{event.title}: userId is missing, whom is it for?")
            return [address.user(user_id)]


def _room(event: Event, user_id: str | None, room: str) -> str:
    match event:
        case CreditUpdate():
            raise InvalidEvent("credit update: a balance is its user's, it cannot go to a room")
        case PromptChange(user_ids=names) if names is not None:
            raise InvalidEvent("prompt change: give either userIds or a room, not both")
    if user_id is not None:
        raise InvalidEvent(f"{event.title}: give either userId or a room, not both")
    return address.room(room)


def _message(event: Event, stamp: Stamp, to: str, *, device_id: str, shard_count: int) -> Message:
    body = {
        "id": stamp.id,
        "type": event.type,
        "data": event.data(),
        "timestamp": stamp.timestamp_ms,
        "deviceId": device_id,
        "userId": to.removeprefix("user:") if to.startswith("user:") else "",
    }
    return Message(
        exchange=topology.ROOM if to.startswith("room:") else event.exchange,
        routing_key=address.routing_key(to, shard_count, event.type),
        body=compact(body),
        message_id=stamp.id,
        type=event.type,
        app_id=stamp.app_id,
        headers=_headers(event, stamp, to, device_id),
    )


def _headers(event: Event, stamp: Stamp, to: str, device_id: str) -> dict[str, str | int | bool]:
    headers: dict[str, str | int | bool] = {
        topology.HEADER_ADDRESS: to,
        topology.HEADER_CONTRACT: event.contract,
    }
    if event.contract == "latest":
        headers[topology.HEADER_KEY] = event.key
        headers[topology.HEADER_VERSION] = stamp.version
        headers[topology.HEADER_FINAL] = event.final
    if device_id != SERVER:
        headers[topology.HEADER_EXCLUDE] = device_id
    if stamp.traceparent:
        headers[topology.HEADER_TRACEPARENT] = stamp.traceparent
    return headers


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise InvalidEvent(f"body: {name} must be a text")
    try:
        value.encode()
    except UnicodeEncodeError:  # JSON can write it, UTF-8 cannot carry it on
        raise InvalidEvent(f"body: {name} must not hold lone surrogates") from None
    return value
