"""What the client says and reads on the wire."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from kull_client import messages
from kull_client.errors import BadMessage, InvalidMessage


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (messages.refresh("t", "r"), {"type": "REFRESH", "token": "t", "ref": "r"}),
        (messages.typing("room:a", "r"), {"type": "TYPING", "queue": "room:a", "ref": "r"}),
        (messages.join("room:a", "r"), {"type": "JOIN", "queue": "room:a", "ref": "r"}),
        (messages.leave("room:a", "r"), {"type": "LEAVE", "queue": "room:a", "ref": "r"}),
        (messages.ack("user", 7), {"type": "ACK", "seq": 7}),
        (messages.ack("all", 7), {"type": "ACK", "seq": 7, "queue": "all"}),
    ],
)
def test_a_message_is_what_the_protocol_says(text: str, message: Mapping[str, Any]) -> None:
    assert json.loads(text) == message


def test_an_event_has_the_fields_of_its_message() -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    head = {"type": "CREDIT_UPDATE", "data": {"newBalance": 3}, "seq": 3, "id": "id-3"}
    rest = {"timestamp": 17, "deviceId": "phone", "userId": "maya", "traceparent": trace}

    event = messages.event_of(head | rest)

    assert (event.seq, event.id, event.queue) == (3, "id-3", "user")
    assert (event.timestamp, event.device_id, event.user_id) == (17, "phone", "maya")
    assert event.traceparent == trace
    assert messages.event_of(head).traceparent == ""


@pytest.mark.parametrize("devices", ["mac", {"deviceId": "mac"}, ["mac"], [{"deviceId": 1}]])
def test_a_device_list_of_another_shape_is_refused(devices: object) -> None:
    with pytest.raises(BadMessage):
        messages.devices_of({"devices": devices})


@pytest.mark.parametrize("generation", [1, [1], ["1", 2], [1, 2, 3]])
def test_a_generation_of_another_shape_is_refused(generation: object) -> None:
    with pytest.raises(BadMessage, match="generation must be"):
        messages.generation_of({"generation": generation})


def test_a_presence_event_without_a_generation_is_older_than_any() -> None:
    assert messages.generation_of({}) == (0, 0)
    assert messages.generation_of({"generation": [3, 4]}) == (3, 4)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"type":"X","data":' + '{"a":' * 100_000])
def test_json_too_deep_to_be_read_is_an_error_of_ours(text: str) -> None:
    with pytest.raises(BadMessage, match="JSON"):
        messages.parse(text)


def test_progress_too_deep_to_be_written_is_an_error_of_ours() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]

    with pytest.raises(InvalidMessage):
        messages.compact(messages.progress({"shootId": "s", "more": deep}, ""))

    while deep:  # a level at a time: Python would end them all by recursion
        deep = deep[0]
