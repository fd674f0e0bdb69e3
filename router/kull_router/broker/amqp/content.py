"""Deliveries and message properties, read without ever failing on what strangers published. PURE.

RabbitMQ does not check that texts are UTF-8. One bad text must cost one message (the router finds
it poisonous), not the connection.
"""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from pamqp import body, commands, frame, header

from kull_producers.events.message import Message
from kull_router.broker.amqp.frames import OVERHEAD

DELIVER: Final = b"\x00\x3c\x00\x3c"  # class 60 (basic), method 60 (deliver)

_DELIVERY = struct.Struct(">QB")
_CONTENT = struct.Struct(">HHQH")
# Properties in the order of their flags, and how they are encoded.
_PROPERTIES: Final = (
    (1 << 15, "content_type", "text"),
    (1 << 14, "content_encoding", "text"),
    (1 << 13, "headers", "table"),
    (1 << 12, "delivery_mode", "byte"),
    (1 << 11, "priority", "byte"),
    (1 << 10, "correlation_id", "text"),
    (1 << 9, "reply_to", "text"),
    (1 << 8, "expiration", "text"),
    (1 << 7, "message_id", "text"),
    (1 << 6, "timestamp", "time"),
    (1 << 5, "type", "text"),
    (1 << 4, "user_id", "text"),
    (1 << 3, "app_id", "text"),
)
_INTEGERS: Final = {
    b"b": struct.Struct(">b"),
    b"B": struct.Struct(">B"),
    b"s": struct.Struct(">h"),
    b"u": struct.Struct(">H"),
    b"I": struct.Struct(">i"),
    b"i": struct.Struct(">I"),
    b"l": struct.Struct(">q"),
    b"L": struct.Struct(">q"),
}
_SKIPPED: Final = {b"f": 4, b"d": 8, b"D": 5, b"T": 8, b"V": 0}  # bytes
_LONG: Final = {b"x", b"A", b"F"}  # skipped as well; they begin with their length

HeaderValue = str | int | bool


class Deliver(NamedTuple):
    """What a `basic.deliver` method says."""

    tag: int
    redelivered: bool
    exchange: str
    routing_key: str


class Properties(NamedTuple):
    """What the router reads of a content header.

    Attributes:
        size: bytes of the body.
        problem: why the texts and headers are not all there; empty when they are.
    """

    size: int
    message_id: str
    type: str
    app_id: str
    headers: dict[str, HeaderValue]
    problem: str = ""


def read_deliver(payload: bytes) -> Deliver:
    """Read a method frame that begins with DELIVER."""
    at = 5 + payload[4]  # the consumer tag is of no use: each channel has one consumer
    tag, redelivered = _DELIVERY.unpack_from(payload, at)
    exchange, at = _text(payload, at + _DELIVERY.size)
    routing_key, _ = _text(payload, at)
    return Deliver(tag, bool(redelivered & 1), exchange, routing_key)


def read_properties(payload: bytes) -> Properties:
    """Read a content header frame. Header values that no event of ours has are left out.

    What cannot be read ends the reading and is told as `problem`.
    """
    _, _, size, flags = _CONTENT.unpack_from(payload)
    at = _CONTENT.size
    texts: dict[str, str] = {}
    headers: dict[str, HeaderValue] = {}
    problem = ""
    try:
        for flag, name, kind in _PROPERTIES:
            if not flags & flag:
                continue
            if kind == "text":
                texts[name], at = _text(payload, at)
            elif kind == "table":
                headers, at = _table(payload, at)
            else:
                at += 1 if kind == "byte" else 8
    except (IndexError, struct.error) as error:
        problem = f"{name}: {error}"
    return Properties(
        size,
        texts.get("message_id", ""),
        texts.get("type", ""),
        texts.get("app_id", ""),
        headers,
        problem,
    )


def _text(payload: bytes, at: int) -> tuple[str, int]:
    end = at + 1 + payload[at]
    return _decoded(payload[at + 1 : end]), end


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        # One byte for each character replaced: the text must fit where it came from.
        return raw.decode(errors="replace").replace("\ufffd", "?")


def _table(payload: bytes, at: int) -> tuple[dict[str, HeaderValue], int]:
    end = at + 4 + int.from_bytes(payload[at : at + 4])
    at += 4
    table: dict[str, HeaderValue] = {}
    while at < end:
        name, at = _text(payload, at)
        kind = payload[at : at + 1]
        at += 1
        if kind == b"S":
            stop = at + 4 + int.from_bytes(payload[at : at + 4])
            table[name] = _decoded(payload[at + 4 : stop])
            at = stop
        elif kind == b"t":
            table[name] = payload[at] != 0
            at += 1
        elif kind in _INTEGERS:
            table[name] = _INTEGERS[kind].unpack_from(payload, at)[0]
            at += _INTEGERS[kind].size
        elif kind in _SKIPPED:
            at += _SKIPPED[kind]
        elif kind in _LONG:
            at += 4 + int.from_bytes(payload[at : at + 4])
        else:
            break  # of unknown length: what follows cannot be read
    return table, end


def encode_publish(message: Message, *, channel: int, max_frame: int) -> bytes:
    """Return the frames of a persistent publish, mandatory unless the message is optional.

    Raises:
        ValueError: a text is too long for AMQP, or a number too large; it says which.
    """
    properties = commands.Basic.Properties(
        content_type=message.content_type,
        headers=dict(message.headers),
        delivery_mode=2,
        message_id=message.message_id,
        message_type=message.type,
        app_id=message.app_id,
    )
    publish = commands.Basic.Publish(
        exchange=message.exchange,
        routing_key=message.routing_key,
        mandatory=not message.optional,
    )
    step = max_frame - OVERHEAD
    try:
        head = header.ContentHeader(body_size=len(message.body), properties=properties)
        parts = [frame.marshal(publish, channel), frame.marshal(head, channel)]
    except (TypeError, struct.error, UnicodeEncodeError) as error:
        raise ValueError(f"the message cannot be encoded: {error}") from error
    parts += [
        frame.marshal(body.ContentBody(message.body[at : at + step]), channel)
        for at in range(0, len(message.body), step)
    ]
    return b"".join(parts)
