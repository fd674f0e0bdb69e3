"""A message's body as it was found, and the messages that it should have been. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from kull_producers.errors import InvalidEvent
from kull_producers.events import address, topology
from kull_producers.events.envelope import SERVER, messages_of
from kull_producers.events.message import Message
from kull_producers.events.models import EVENTS
from kull_producers.events.stamp import Stamp, check_id
from kull_producers.events.strict_json import compact, parse_object
from kull_protos.contract.limits import MAX_NUMBER

TEST: Final = "TEST"  # an event that says nothing, for whoever looks whether one arrives
OPERATOR: Final = "kull-operator"  # its app id
RESERVED: Final = ("seq", "queue")  # spliced in later: a second one would win in a browser


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
        body: an envelope; its `data` or its `userId` says who is told.
        shard_count: the deployment's.
        fallback_id: the event's id if the body has none: AMQP's message_id, or a new one.
        now_ms: milliseconds since the Unix epoch; a timestamp from the future counts as now.
        app_id: of the original message.

    Raises:
        InvalidEvent: this is no event, or it does not say whom it is for.
    """
    found = parse_body(body)
    event = EVENTS.event(found.type, found.data)
    timestamp_ms = min(now_ms if found.timestamp_ms is None else found.timestamp_ms, now_ms)
    stamp = Stamp(
        id=found.id or check_id(fallback_id),
        timestamp_ms=timestamp_ms,
        app_id=app_id,
    )
    user_id = (found.user_id or None) if event.event_type.audience.knows_user else None
    return messages_of(
        event, stamp, shard_count=shard_count, user_id=user_id, device_id=found.device_id
    )


def blank_event(user_id: str, event_id: str, *, now_ms: int, shard_count: int) -> Message:
    """Return the message of an event that says nothing to a user's devices. Raises InvalidEvent.

    Each one counts, so that its way can be told as that of any other; apps skip types that they do
    not know.
    """
    to = address.user(user_id)
    body = {
        "id": event_id,
        "type": TEST,
        "data": {},
        "timestamp": now_ms,
        "deviceId": SERVER,
        "userId": user_id,
    }
    return Message(
        exchange=topology.ROOM,
        routing_key=address.routing_key(to, shard_count, TEST),
        body=compact(body),
        message_id=event_id,
        type=TEST,
        app_id=OPERATOR,
        headers={topology.HEADER_ADDRESS: to, topology.HEADER_CONTRACT: "every"},
    )


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise InvalidEvent(f"body: {name} must be a text")
    try:
        value.encode()
    except UnicodeEncodeError:  # JSON can write it, UTF-8 cannot carry it on
        raise InvalidEvent(f"body: {name} must not hold lone surrogates") from None
    return value
