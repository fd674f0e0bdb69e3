from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kull_producers import InvalidEvent
from kull_producers.events import batch, topology
from kull_producers.events.message import Message

SHORT = st.text(max_size=60)
HEADERS = st.dictionaries(
    st.text(max_size=20), st.text(max_size=200) | st.integers(-(2**63), 2**63 - 1) | st.booleans()
)
MESSAGES = st.builds(
    Message,
    exchange=SHORT,
    routing_key=SHORT,
    body=st.binary(max_size=300),
    message_id=SHORT,
    type=SHORT,
    app_id=SHORT,
    headers=HEADERS,
)


def message(number: int = 1) -> Message:
    return Message(
        exchange=topology.CREDIT,
        routing_key="03.user.ada.credit_update",
        body=b'{"type":"CREDIT_UPDATE"}',
        message_id=f"e-{number}",
        type="CREDIT_UPDATE",
        app_id="billing",
        headers={topology.HEADER_ADDRESS: "user:ada"},
    )


def together(*messages: Message) -> Message:
    return batch.batch_of(messages[0], [batch.record_of(each) for each in messages])


@given(st.lists(MESSAGES, min_size=1, max_size=5))
def test_what_goes_in_comes_out(messages: list[Message]) -> None:
    assert batch.messages_in(together(*messages)) == messages


def test_a_batch_bears_its_shard_and_says_what_it_is() -> None:
    made = together(message(1), message(2))

    assert batch.is_batch(made)
    assert made.routing_key == message().routing_key
    assert made.type == topology.BATCH
    assert made.content_type == "application/vnd.kull.batch"
    assert made.headers == {topology.HEADER_EVENTS: 2}
    assert not batch.is_batch(message())
    assert message().content_type == "application/json"


@pytest.mark.parametrize(
    "unfit",
    [
        replace(message(), body=b"x" * batch.MAX_BYTES),
        replace(message(), headers={"x": "y" * 40_000}),
        replace(message(), headers={"x": 2**63}),
        replace(message(), headers={"x": "\ud800"}),
        replace(message(), message_id="x" * 256),
        replace(message(), app_id="\udfff"),
    ],
)
def test_what_no_batch_can_carry_is_told(unfit: Message) -> None:
    with pytest.raises(ValueError, match=r"batch|AMQP"):
        batch.record_of(unfit)


@pytest.mark.parametrize(
    "about",
    [
        b"",
        b"{",
        b"[1,2,3,4,5,{}]",
        b'["a","b","c","d","e"]',
        b'["a","b","c","d","e",{"x":1.5}]',
        b'["a","b","c","d","e",{"x":null}]',
        b'["a","b","c","d","e",{"x":9223372036854775808}]',
        b'["a","b","c","\\ud800","e",{}]',
        b'["a","b","c","d","' + b"e" * 256 + b'",{}]',
        b"[" * 20_000,
        b'["a","b","c","d","e",{"x":"' + b"y" * 40_000 + b'"}]',
        b"\xff\xfe",
    ],
)
def test_a_record_that_amqp_could_not_have_carried_has_a_body_and_good_neighbours(
    about: bytes,
) -> None:
    bad = struct.pack(">II", len(about), 2) + about + b"{}"
    good = batch.record_of(message())
    found = batch.messages_in(batch.batch_of(message(), [good, bad, good]))

    assert found[0] == found[2] == message()
    assert found[1] == replace(message(), exchange=topology.BURSTS, body=b"{}", message_id="",
                               type="", app_id="", headers={})  # fmt: skip


@pytest.mark.parametrize("kept", [1, 7, 8, 20, -1])
def test_a_batch_that_ends_within_a_record_is_none(kept: int) -> None:
    made = together(message(1), message(2))

    with pytest.raises(InvalidEvent, match="within a record"):
        batch.messages_in(replace(made, body=made.body[:kept]))


def test_a_batch_of_nothing_or_of_too_much_is_none() -> None:
    with pytest.raises(InvalidEvent, match="no events"):
        batch.messages_in(batch.batch_of(message(), []))
    with pytest.raises(InvalidEvent, match="more than 256"):
        batch.messages_in(batch.batch_of(message(), [batch.record_of(message())] * 257))


@given(st.binary(max_size=200))
def test_no_body_of_a_stranger_does_more_than_be_refused(body: bytes) -> None:
    with suppress(InvalidEvent):
        batch.messages_in(replace(together(message()), body=body))
