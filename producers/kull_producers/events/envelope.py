"""From an event to the messages that carry it. PURE.

The body is built here once, and every device gets these bytes with nothing but `seq` spliced in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kull_producers.contract import addresses
from kull_producers.events import address, topology
from kull_producers.events.audience import Whom, addressed
from kull_producers.events.catalogue import declared
from kull_producers.events.delivery_contract import Latest
from kull_producers.events.event import Event
from kull_producers.events.message import Message
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
    everybody: bool = False,
    rooms: Sequence[str] = (),
    device_id: str = SERVER,
) -> list[Message]:
    """Return one message per address the event is for, all with the same id.

    Args:
        event: what happened.
        stamp: its id, time and version.
        shard_count: the deployment's.
        user_id: whom it is for, if its fields do not say so.
        room: tell those who follow this room, instead of a user or everybody.
        everybody: tell every user, if its type may be for everybody.
        rooms: tell those who follow these rooms, and the users who are named, if any.
        device_id: the device that caused it, which then does not get it back.

    Raises:
        InvalidEvent: the addressed user or room is missing, wrong, or contradicts the event; or
            the event is of no declared type.
    """
    kind, whom = declared(event), Whom(user_id=user_id, everybody=everybody, rooms=rooms)
    return [
        _message(event, stamp, to, device_id=device_id, shard_count=shard_count)
        for to in addressed(kind.audience, kind.title, vars(event), whom, room=room)
    ]


def _message(event: Event, stamp: Stamp, to: str, *, device_id: str, shard_count: int) -> Message:
    body = {
        "id": stamp.id,
        "type": event.event_type.name,
        "data": event.data(),
        "timestamp": stamp.timestamp_ms,
        "deviceId": device_id,
        "userId": to.removeprefix(addresses.USER) if addresses.is_user(to) else "",
    }
    return Message(
        exchange=topology.ROOM if addresses.is_room(to) else event.event_type.exchange,
        routing_key=address.routing_key(to, shard_count, event.event_type.name),
        body=compact(body),
        message_id=stamp.id,
        type=event.event_type.name,
        app_id=stamp.app_id,
        headers=_headers(event, stamp, to, device_id),
    )


def _headers(event: Event, stamp: Stamp, to: str, device_id: str) -> dict[str, str | int | bool]:
    contract, fields = event.event_type.contract, vars(event)
    headers: dict[str, str | int | bool] = {
        topology.HEADER_ADDRESS: to,
        topology.HEADER_CONTRACT: contract.name,
    }
    if isinstance(contract, Latest):
        headers[topology.HEADER_KEY] = contract.key_of(fields)
        headers[topology.HEADER_FINAL] = contract.is_final(fields)
        if stamp.run:
            headers[topology.HEADER_RUN] = stamp.run
            headers[topology.HEADER_VERSION] = stamp.version
        progress = contract.progress_of(fields)
        if progress is not None:
            headers[topology.HEADER_PROGRESS] = progress
    if device_id != SERVER:
        headers[topology.HEADER_EXCLUDE] = device_id
    if stamp.traceparent:
        headers[topology.HEADER_TRACEPARENT] = stamp.traceparent
    return headers
