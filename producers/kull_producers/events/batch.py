"""Several events in one AMQP message, each as it would have come alone. PURE.

The body is one record after the other: the lengths of two parts, big-endian in 4 bytes each, then
the parts. The first is JSON, [exchange, routing key, message_id, type, app_id, headers]; the second
is the event's body. What is published to `kull.bursts` is a batch, and nothing else is one.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any, Final

from kull_producers.errors import InvalidEvent
from kull_producers.events import topology
from kull_producers.events.message import Message

MAX_EVENTS: Final = 64  # that a publisher puts into one
MAX_BYTES: Final = 256 * 1024  # of the body of one; half of what routers read of a message
MAX_READ: Final = 4 * MAX_EVENTS  # events that a router takes out of one
_MAX_ABOUT: Final = 32 * 1024  # bytes of a first part: it must fit into a header frame of AMQP
_MAX_TEXT: Final = 255  # bytes of a short text of AMQP
_MAX_INT: Final = 2**63

_LENGTHS: Final = struct.Struct(">II")
_encode: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def is_batch(message: Message) -> bool:
    """Tell whether a message carries several events."""
    return message.exchange == topology.BURSTS


def record_of(message: Message) -> bytes:
    """Return an event's record. Raises ValueError: it can only be sent alone, if at all."""
    where = (message.exchange, message.routing_key)
    texts = (*where, message.message_id, message.type, message.app_id)
    if not _is_sound(texts, message.headers):
        raise ValueError("not as AMQP has it")
    about = _encode([*texts, message.headers]).encode()
    size = _LENGTHS.size + len(about) + len(message.body)
    if len(about) > _MAX_ABOUT or size > MAX_BYTES:
        raise ValueError("too large for a batch")
    return b"".join((_LENGTHS.pack(len(about), len(message.body)), about, message.body))


def batch_of(first: Message, records: Sequence[bytes]) -> Message:
    """Return the message that carries records of one shard, the first of which is `first`'s."""
    return Message(
        exchange=topology.BURSTS,
        routing_key=first.routing_key,
        body=b"".join(records),
        message_id=first.message_id,
        type=topology.BATCH,
        app_id=first.app_id,
        headers={topology.HEADER_EVENTS: len(records)},
    )


def messages_in(message: Message) -> list[Message]:
    """Return the events of a batch, in order.

    Of one whose first part is no such list only the body is known, as of a message of AMQP without
    properties: it must not take its neighbours along.

    Raises InvalidEvent: this is no batch, or one without events, or one of too many.
    """
    body, at = message.body, 0
    found: list[Message] = []
    while at < len(body):
        if len(body) - at < _LENGTHS.size:
            raise InvalidEvent("the batch ends within a record")
        about, size = _LENGTHS.unpack_from(body, at)
        middle = at + _LENGTHS.size + about
        at = middle + size
        if at > len(body):
            raise InvalidEvent("the batch ends within a record")
        if len(found) == MAX_READ:
            raise InvalidEvent(f"the batch has more than {MAX_READ} events")
        found.append(_message(body[middle - about : middle], body[middle:at], message))
    if not found:
        raise InvalidEvent("the batch has no events")
    return found


def _message(about: bytes, body: bytes, batch: Message) -> Message:
    fields = _read(about)
    if fields is None:
        return Message(
            exchange=batch.exchange, routing_key=batch.routing_key, body=body, message_id=""
        )
    exchange, routing_key, message_id, type_, app_id, headers = fields
    return Message(
        exchange=exchange,
        routing_key=routing_key,
        body=body,
        message_id=message_id,
        type=type_,
        app_id=app_id,
        headers=headers,
    )


def _read(about: bytes) -> tuple[str, str, str, str, str, dict[str, str | int | bool]] | None:
    """Return what the first part of a record says, None if AMQP could not have said it."""
    try:
        fields = json.loads(about) if len(about) <= _MAX_ABOUT else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, list) or len(fields) != 6:
        return None
    *texts, headers = fields
    if not isinstance(headers, dict) or not _is_sound(texts, headers):
        return None
    exchange, routing_key, message_id, type_, app_id = texts
    return exchange, routing_key, message_id, type_, app_id, headers


def _is_sound(texts: Sequence[Any], headers: dict[Any, Any]) -> bool:
    """Whether AMQP can carry these."""
    return all(map(_is_short, (*texts, *headers))) and all(map(_is_header, headers.values()))


def _is_short(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    if value.isascii():
        return len(value) <= _MAX_TEXT
    try:
        return len(value.encode()) <= _MAX_TEXT
    except UnicodeEncodeError:
        return False


def _is_header(value: Any) -> bool:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return False
        return True
    return isinstance(value, int) and -_MAX_INT <= value < _MAX_INT
