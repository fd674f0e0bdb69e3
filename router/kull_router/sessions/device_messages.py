"""What a device publishes, as the messages that carry it. PURE."""

from __future__ import annotations

from typing import Final

from kull_producers.errors import InvalidEvent
from kull_producers.events import address, topology
from kull_producers.events.envelope import messages_of
from kull_producers.events.message import Message
from kull_producers.events.models import EVENTS, ShootProgress
from kull_producers.events.stamp import Stamp
from kull_producers.events.strict_json import compact, parse_object
from kull_protos.contract import device_ids
from kull_protos.contract.event_types import is_event_type
from kull_protos.contract.limits import MAX_EVENT_BYTES

TYPING: Final = "TYPING"


def device_progress(
    payload: bytes, stamp: Stamp, *, user_id: str, device_id: str, shard_count: int
) -> Message:
    """Return the message for a device's UPDATE_PROGRESS, excluding that device.

    `payload` is UTF-8 JSON with the fields of a shoot progress. Raises InvalidEvent.
    """
    event = ShootProgress.from_data(parse_object(payload, "payload"))
    [message] = messages_of(
        event, stamp, shard_count=shard_count, user_id=user_id, device_id=device_id
    )
    return message


def device_event(
    data: bytes,
    stamp: Stamp,
    *,
    room: str,
    event_type: str,
    user_id: str,
    device_id: str,
    shard_count: int,
) -> Message:
    """Return the message for a device's SEND into a room's address. Each one counts.

    `data` is a JSON object in UTF-8. Raises InvalidEvent: it is none, the type is one that the
    protocol or a producer speaks, or all together is too large.
    """
    if not is_event_type(event_type) or event_type in EVENTS:
        raise InvalidEvent(f"event: {event_type[:80]!r} is not for devices to send")
    body = {
        "id": stamp.id,
        "type": event_type,
        "data": parse_object(data, "data"),
        "timestamp": stamp.timestamp_ms,
        "deviceId": device_id,
        "userId": "",
        "sender": user_id,
    }
    try:
        encoded = compact(body)
    except (ValueError, RecursionError):
        raise InvalidEvent("data: holds a number or text that JSON cannot carry") from None
    if len(encoded) > MAX_EVENT_BYTES:
        raise InvalidEvent(
            f"data: the event has {len(encoded)} bytes, at most {MAX_EVENT_BYTES} are allowed"
        )
    return Message(
        exchange=topology.ROOM,
        routing_key=address.routing_key(address.check(room), shard_count, event_type),
        body=encoded,
        message_id=stamp.id,
        type=event_type,
        app_id=stamp.app_id,
        headers={
            topology.HEADER_ADDRESS: room,
            topology.HEADER_CONTRACT: "every",
            topology.HEADER_EXCLUDE: device_ids.named_in(room, user_id, device_id),
        },
    )


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
