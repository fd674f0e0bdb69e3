"""What a device publishes, as the messages that carry it. PURE."""

from __future__ import annotations

from typing import Final

from kull_producers.events import address, topology
from kull_producers.events.envelope import messages_of
from kull_producers.events.message import Message
from kull_producers.events.models import ShootProgress
from kull_producers.events.stamp import Stamp
from kull_producers.events.strict_json import compact, parse_object

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
