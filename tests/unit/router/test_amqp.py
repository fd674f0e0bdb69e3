"""The pure parts of the AMQP client, against pamqp's encoding as the oracle."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pamqp import commands, frame

from kull_producers.events.message import Message
from kull_router.broker.amqp import AmqpUrl, content
from kull_router.broker.amqp.errors import BadFrame
from kull_router.broker.amqp.frames import BODY, HEADER, METHOD, Frame, FrameReader
from kull_router.errors import ConfigError
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


@given(TEXT, TEXT, st.integers(1, 2**63 - 1), st.booleans())
def test_a_delivery_reads_as_pamqp_wrote_it(
    tag: str, key: str, number: int, redelivered: bool
) -> None:
    method = commands.Basic.Deliver(tag, number, redelivered, "kull.shoot", key)
    [received] = _frames(frame.marshal(method, 1))
    assert received.payload.startswith(content.DELIVER)
    assert content.read_deliver(received.payload) == (number, redelivered, "kull.shoot", key)


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


@given(st.binary(max_size=200))
def test_properties_of_any_bytes_are_read_without_an_error(noise: bytes) -> None:
    fixed = b"\x00\x3c\x00\x00" + (7).to_bytes(8) + b"\xff\xf8"
    assert content.read_properties(fixed + noise).size == 7


@given(st.binary(max_size=60))
def test_a_text_that_is_not_utf8_still_fits_where_it_came_from(raw: bytes) -> None:
    payload = content.DELIVER + b"\x00" + bytes(9) + b"\x00" + bytes([len(raw)]) + raw
    assert len(content.read_deliver(payload).routing_key.encode()) <= len(raw)


@pytest.mark.parametrize(
    "data", [b"HTTP/1.1 400", b"AMQP\x00\x00\x09\x01", b"\x01\x00\x00\xff" * 4]
)
def test_what_is_no_amqp_is_a_bad_frame(data: bytes) -> None:
    with pytest.raises(BadFrame):
        FrameReader().feed(data)


def test_a_frame_without_its_end_is_a_bad_frame() -> None:
    with pytest.raises(BadFrame):
        FrameReader().feed(b"\x08\x00\x00\x00\x00\x00\x00\x00")


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


def test_a_url_is_taken_apart() -> None:
    url = AmqpUrl.parse("amqps://us%40er:p%2Fw@rabbit.example:5700/my%2Fhost?cafile=/ca.pem")
    assert (url.host, url.port, url.user, url.password) == ("rabbit.example", 5700, "us@er", "p/w")
    assert (url.vhost, url.tls, url.cafile) == ("my/host", True, "/ca.pem")
    assert "p/w" not in f"{url} {url!r}"


@pytest.mark.parametrize(
    ("text", "port", "vhost"),
    [
        ("amqp://localhost", 5672, "/"),
        ("amqp://localhost/", 5672, "/"),
        ("amqps://localhost/%2F", 5671, "/"),
        ("amqp://[::1]:1/kull", 1, "kull"),
    ],
)
def test_what_a_url_leaves_out_has_the_usual_default(text: str, port: int, vhost: str) -> None:
    url = AmqpUrl.parse(text)
    assert (url.port, url.vhost, url.user, url.password) == (port, vhost, "guest", "guest")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost:5672",
        "http://u:hidden@h/",
        "amqp://u:hidden@h:port/",
        "amqp://u:hidden@h?x=1",
    ],
)
def test_a_wrong_url_is_refused_without_showing_the_password(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        AmqpUrl.parse(text)
    assert "KULL_AMQP_URL" in str(caught.value)
    assert "hidden" not in str(caught.value)
