from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kull_producers.events.message import Message
from kull_router.broker.amqp.errors import BadFrame
from kull_router.broker.amqp.frames import BODY, Frame, FrameReader

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


@given(st.lists(st.binary(max_size=50), max_size=8), st.data())
def test_frames_are_the_same_however_the_bytes_are_cut(
    payloads: list[bytes], data: st.DataObject
) -> None:
    whole = [Frame(BODY, number, payload) for number, payload in enumerate(payloads)]
    stream = b"".join(
        b"\x03" + each.channel.to_bytes(2) + len(each.payload).to_bytes(4) + each.payload + b"\xce"
        for each in whole
    )
    reader, found, at = FrameReader(), [], 0
    while at < len(stream):
        size = data.draw(st.integers(1, len(stream) - at))
        found += reader.feed(stream[at : at + size])
        at += size
    assert found == whole


@pytest.mark.parametrize(
    "data", [b"HTTP/1.1 400", b"AMQP\x00\x00\x09\x01", b"\x01\x00\x00\xff" * 4]
)
def test_what_is_no_amqp_is_a_bad_frame(data: bytes) -> None:
    with pytest.raises(BadFrame):
        FrameReader().feed(data)


def test_a_frame_without_its_end_is_a_bad_frame() -> None:
    with pytest.raises(BadFrame):
        FrameReader().feed(b"\x08\x00\x00\x00\x00\x00\x00\x00")
