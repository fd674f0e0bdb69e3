"""From an event to the messages that carry it. PURE.

The body is built here once, and every device gets these bytes with nothing but `seq` spliced in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kull_producers.contract import addresses
from kull_producers.errors import InvalidEvent
from kull_producers.events import address, topology
from kull_producers.events.message import Message
from kull_producers.events.models import CreditUpdate, Event, PromptChange
from kull_producers.events.stamp import Stamp
from kull_producers.events.strict_json import compact

SERVER: Final = "server"  # the `deviceId` of events that no device has caused


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
                return [addresses.ALL]
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
        "userId": to.removeprefix(addresses.USER) if addresses.is_user(to) else "",
    }
    return Message(
        exchange=topology.ROOM if addresses.is_room(to) else event.exchange,
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
