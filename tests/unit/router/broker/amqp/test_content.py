from __future__ import annotations

import struct
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import commands, encode, frame

from kull_producers.events.message import Message
from kull_router.broker.amqp import content
from kull_router.broker.amqp.frames import BODY, HEADER, METHOD, Frame, FrameReader
from tests.support.brokers import event

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
HEADERS = st.dictionaries(
    TEXT.filter(bool), TEXT | st.booleans() | st.integers(-(2**63), 2**63 - 1), max_size=6
)
MESSAGES = st.builds(
    Message,
    exchange=st.just("kull.credit"),
    routing_key=TEXT,
    body=st.binary(max_size=300),
    message_id=TEXT.filter(bool),
    type=TEXT.filter(bool),
    app_id=TEXT.filter(bool),
    headers=HEADERS,
)


def _frames(data: bytes) -> list[Frame]:
    return FrameReader().feed(data)


@given(MESSAGES, st.integers(20, 200))
def test_what_is_published_reads_back_as_it_was(message: Message, max_frame: int) -> None:
    frames = _frames(content.encode_publish(message, channel=3, max_frame=max_frame))
    assert [each.kind for each in frames[:2]] == [METHOD, HEADER]
    assert {each.channel for each in frames} == {3}
    assert {each.kind for each in frames[2:]} <= {BODY}
    assert all(len(each.payload) <= max_frame - 8 for each in frames[2:])
    assert b"".join(each.payload for each in frames[2:]) == message.body
    read = content.read_properties(frames[1].payload)
    assert read.size == len(message.body)
    assert (read.message_id, read.type, read.app_id) == (
        message.message_id,
        message.type,
        message.app_id,
    )
    assert read.headers == message.headers
    assert not read.problem


@given(TEXT, TEXT, st.integers(1, 2**63 - 1), st.booleans())
def test_a_delivery_reads_as_pamqp_wrote_it(
    tag: str, key: str, number: int, redelivered: bool
) -> None:
    method = commands.Basic.Deliver(tag, number, redelivered, "kull.shoot", key)
    [received] = _frames(frame.marshal(method, 1))
    assert received.payload.startswith(content.DELIVER)
    assert content.read_deliver(received.payload) == (number, redelivered, "kull.shoot", key)


@given(st.binary(max_size=200))
def test_properties_of_any_bytes_are_read_without_an_error(noise: bytes) -> None:
    fixed = b"\x00\x3c\x00\x00" + (7).to_bytes(8) + b"\xff\xf8"
    assert content.read_properties(fixed + noise).size == 7


@given(st.binary(max_size=60))
def test_a_text_that_is_not_utf8_still_fits_where_it_came_from(raw: bytes) -> None:
    payload = content.DELIVER + b"\x00" + bytes(9) + b"\x00" + bytes([len(raw)]) + raw
    assert len(content.read_deliver(payload).routing_key.encode()) <= len(raw)


@pytest.mark.parametrize(
    "message",
    [
        replace(event(1), routing_key="x" * 256),
        replace(event(1), message_id="ü" * 128),
        replace(event(1), headers={"kull-version": 2**63}),
        replace(event(1), app_id="\ud800"),
    ],
    ids=["long key", "long id", "large number", "lone surrogate"],
)
def test_what_amqp_cannot_carry_is_a_value_error(message: Message) -> None:
    with pytest.raises(ValueError, match=r".+"):
        content.encode_publish(message, channel=1, max_frame=4096)


def test_header_values_that_no_event_has_are_left_out_and_what_follows_is_read() -> None:
    headers: dict[str, Any] = {
        "float": 1.5,
        "nothing": None,
        "at": datetime(2026, 1, 1, tzinfo=UTC),
        "list": [1, 2],
        "nested": {"a": 1},
        "bytes": bytearray(b"x"),
        "last": "seen",
    }
    payload = header_frame(encode.field_table(headers))

    assert content.read_properties(payload).headers == {"last": "seen"}


def test_a_table_is_read_up_to_a_value_of_unknown_length() -> None:
    fields = b"\x01aS\x00\x00\x00\x01x" + b"\x01b?" + b"\x01cS\x00\x00\x00\x01y"
    payload = header_frame(len(fields).to_bytes(4) + fields)

    assert content.read_properties(payload).headers == {"a": "x"}


def test_what_ends_too_early_is_told_and_what_came_before_it_is_kept() -> None:
    fixed = b"\x00\x3c\x00\x00" + (7).to_bytes(8) + b"\x00\x88"

    read = content.read_properties(fixed + b"\x02id")

    assert (read.size, read.message_id) == (7, "id")
    assert read.problem.startswith("app_id:")


def header_frame(table: bytes) -> bytes:
    """Return a content header that has headers and no other property."""
    return struct.pack(">HHQH", 60, 0, 0, 1 << 13) + table
