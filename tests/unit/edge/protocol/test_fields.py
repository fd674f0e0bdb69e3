"""The reader of devices' messages and docs/schema/device.json accept the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kull_edge.errors import BadMessage
from kull_edge.protocol import messages
from kull_producers.errors import InvalidEvent
from kull_producers.events.stamp import Stamper
from kull_protos.contract.limits import MAX_SEQ
from kull_router.sessions.device_messages import device_progress
from tests.support.schema import says

PROGRESS = {
    "shootId": "s",
    "status": "queued",
    "processedCount": 1,
    "totalCount": 2,
    "provider": "p",
}
LENGTHS = [0, 1, 31, 32, 33, 63, 64, 65, 99, 100, 101, 123, 124, 255, 256, 257, 4096, 4097]
NAMES = [
    "type",
    *{each.name for cls in messages.TYPES.values() for each in messages.fields_of(cls)},
]
texts = st.one_of(
    st.text(max_size=5),
    st.sampled_from(LENGTHS).map(lambda length: "x" * length),
    st.sampled_from(["user", "all", "room:", "room:a", "Room:a", "room:é", "xroom:a"]),
    st.sampled_from([31, 61, 62, 122, 123, 124]).map(lambda length: "room:" + "é" * length),
)
# A whole number with a point is one to JSON Schema, but not to the edge: see docs/protocol.md.
numbers = st.one_of(
    st.sampled_from([-1, 0, 1, MAX_SEQ, MAX_SEQ + 1, -MAX_SEQ, -MAX_SEQ - 1]),
    st.floats(allow_nan=False, allow_infinity=False).filter(lambda each: not each.is_integer()),
)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
positions = st.one_of(
    st.dictionaries(texts, scalars, max_size=3),
    st.sampled_from([66, 67]).map(lambda count: {f"room:{n}": n for n in range(count)}),
)
values = st.one_of(
    scalars, positions, st.lists(scalars, max_size=2), st.just(PROGRESS), st.just({"user": 1})
)
ALMOST: dict[str, st.SearchStrategy[Any]] = {
    "token": st.one_of(st.just("t"), values),
    "queue": st.one_of(st.just("room:a"), texts, values),
    "seq": st.one_of(st.just(5), numbers, values),
    "after": st.one_of(st.just({"user": 1}), st.just(1), positions, values),
    "epoch": st.one_of(st.just("e"), values),
    "payload": st.one_of(st.just(PROGRESS), values),
    "state": st.one_of(
        st.sampled_from([1016, 1017]).map(lambda length: {"a": "x" * length}),
        st.sampled_from([508, 509]).map(lambda length: {"a": "é" * length}),
        values,
    ),
    "data": st.one_of(st.just({"text": "hi"}), values),
    "event": st.one_of(st.sampled_from(["COMMENT", "A" * 64, "A" * 65, "ERROR", "no"]), values),
    "history": st.one_of(st.sampled_from([0, 1, 100, 101]), values),
    "userIds": st.one_of(
        st.lists(texts, max_size=3), st.sampled_from([100, 101]).map(lambda n: ["u"] * n), values
    ),
}


@st.composite
def said(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a message that is right, or almost."""
    type_ = draw(st.sampled_from([*messages.TYPES, "HELLO", "JOIN", "NO_SUCH_TYPE"]))
    known = [each.name for each in messages.fields_of(messages.TYPES.get(type_, messages.Ping))]
    names = draw(st.sets(st.sampled_from(known))) if known else set()
    required = draw(st.booleans())
    message: dict[str, Any] = {"type": type_}
    for name in sorted(
        names
        | (
            {"token", "queue", "seq", "payload", "event", "data", "userIds"} & set(known)
            if required
            else set()
        )
    ):
        message[name] = draw(ALMOST.get(name, values))
    if draw(st.integers(0, 9)) == 0:
        message[draw(st.sampled_from([*NAMES, "new"]))] = draw(values)
    return message


def refused(text: str) -> bool:
    """Return whether the edge, or for progress the router, refuses a message."""
    try:
        message = messages.parse(text)
        if isinstance(message, messages.UpdateProgress):
            device_progress(
                message.payload, STAMPER.stamp(), user_id="u", device_id="d", shard_count=1
            )
    except (BadMessage, InvalidEvent):
        return True
    return False


STAMPER = Stamper(now=lambda: 1.0, randomness=bytes, app_id="test")


@settings(max_examples=500, deadline=None)
@given(said())
def test_the_edge_refuses_exactly_what_the_schema_refuses(message: dict[str, Any]) -> None:
    assert refused(json.dumps(message)) is not says(message), message


@pytest.mark.parametrize("type_", messages.TYPES)
def test_every_type_can_be_said_and_every_field_of_it_matters(type_: str) -> None:
    good: dict[str, Any] = {
        "token": "t",
        "epoch": "e",
        "after": {"user": 1} if type_ == "HELLO" else 1,
        "deviceName": "n",
        "platform": "p",
        "instance": "i",
        "deviceId": "d",
        "seq": 1,
        "queue": "room:a",
        "payload": PROGRESS,
        "state": {"viewing": "IMG_0012"},
        "history": 20,
        "event": "COMMENT",
        "data": {"text": "hi"},
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "userIds": ["maya"],
        "ref": 1,
    }
    names = [each.name for each in messages.fields_of(messages.TYPES[type_])]
    message = {"type": type_} | {name: good[name] for name in names}
    assert says(message)
    assert not refused(json.dumps(message))
    for name in names:
        broken = message | {name: [1]}
        assert not says(broken)
        assert refused(json.dumps(broken))


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from([*PROGRESS, "currentImage", "eta", "errorMessage", "new"]),
    st.one_of(values, st.sampled_from([128, 129, 1024, 1025, 2000, 2001]).map(lambda n: "x" * n)),
)
def test_the_payload_of_progress_is_held_to_its_schema(name: str, value: Any) -> None:
    payload = PROGRESS | {name: value, "totalCount": 2**53 - 1}
    message = {"type": "UPDATE_PROGRESS", "payload": payload}

    assert refused(json.dumps(message)) is not says(message), message


def test_null_is_as_good_as_absent() -> None:
    nothing = dict.fromkeys(["epoch", "after", "deviceName", "platform", "instance", "deviceId"])

    assert messages.parse(json.dumps({"type": "HELLO", "token": "t", **nothing})) == messages.Hello(
        token="t"
    )


def test_a_message_that_is_wrong_in_a_field_is_told_by_its_reference() -> None:
    with pytest.raises(BadMessage) as caught:
        messages.parse('{"type":"JOIN","queue":"room:a","after":-1,"ref":7}')

    assert caught.value.ref == 7


def test_a_token_is_never_shown() -> None:
    for text in ('{"type":"HELLO","token":"secret"}', '{"type":"REFRESH","token":"secret"}'):
        assert "secret" not in repr(messages.parse(text))
