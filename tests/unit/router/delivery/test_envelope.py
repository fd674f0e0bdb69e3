from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kull_producers.errors import InvalidEvent
from kull_producers.events import topology
from kull_producers.events.envelope import messages_of
from kull_producers.events.message import Message
from kull_producers.events.models import CreditUpdate, ShootProgress
from kull_producers.events.stamp import Stamp
from kull_router.delivery.envelope import messages_from_body, parse_body

NOW_MS = 1_700_000_000_000
STAMP = Stamp(id="e-1", timestamp_ms=NOW_MS, run="run-1", version=7, app_id="billing")
CREDIT = CreditUpdate(user_id="ada", new_balance=500, change=100, reason="Credit purchase")
PROGRESS = ShootProgress(
    shoot_id="s", status="processing", processed_count=1, total_count=2, provider="Local"
)


def envelope(**changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "id": "e-1",
        "type": "CREDIT_UPDATE",
        "data": CREDIT.data(),
        "timestamp": NOW_MS,
        "deviceId": "server",
        "userId": "ada",
    } | changes
    return json.dumps({k: v for k, v in fields.items() if v is not ...}).encode()


def rebuild(body: bytes) -> list[Message]:
    return messages_from_body(body, shard_count=16, fallback_id="fallback", now_ms=NOW_MS)


def test_a_rebuilt_credit_update_never_goes_to_another_user() -> None:
    with pytest.raises(InvalidEvent, match="differs"):
        rebuild(envelope(userId="bob"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"type":"CREDIT_UPDATE","data":{}} x',
        b"\xff\xfe{",
        '{"type":"A","data":{}}'.encode("utf-16"),
        b'{"type":"A","data":{"x":NaN}}',
        b'{"type":"A","data":{"x":Infinity}}',
        b'{"type":"A","type":"B","data":{}}',
        b"[" * 100_000,
        b'{"type":"A","data":' + b"9" * 5000 + b"}",
        b'{"data":{}}',
        b'{"type":"","data":{}}',
        b'{"type":1,"data":{}}',
        b'{"type":"A"}',
        b'{"type":"A","data":[]}',
        b'{"type":"A","data":{},"id":7}',
        b'{"type":"A","data":{},"id":"a\\u0000"}',
        b'{"type":"A","data":{},"timestamp":"1"}',
        b'{"type":"A","data":{},"timestamp":true}',
        b'{"type":"A","data":{},"timestamp":-1}',
        b'{"type":"A","data":{},"deviceId":null}',
        b'{"type":"A","data":{},"userId":{}}',
        b'{"type":"A","data":{},"deviceId":"\\ud800"}',
        b'{"type":"A","data":{},"userId":"\\ud800"}',
        b'{"type":"\\ud800","data":{}}',
    ],
)
def test_a_body_that_is_no_envelope_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidEvent):
        parse_body(body)


@given(st.binary())
def test_no_bytes_break_the_parser(body: bytes) -> None:
    try:
        parse_body(body)
    except InvalidEvent as error:
        assert "\n" not in str(error)


def test_a_body_is_read_field_by_field() -> None:
    found = parse_body(envelope(deviceId="mac", colour="ignored"))

    assert (found.id, found.type, found.timestamp_ms) == ("e-1", "CREDIT_UPDATE", NOW_MS)
    assert (found.device_id, found.user_id, found.data) == ("mac", "ada", CREDIT.data())


def test_what_the_sdk_has_published_is_rebuilt_the_same() -> None:
    [message] = messages_of(CREDIT, STAMP, shard_count=16)
    [again] = rebuild(message.body)

    assert replace(again, app_id="billing") == message


def test_a_seed_message_without_id_gets_the_fallback() -> None:
    [message] = rebuild(envelope(id=..., timestamp=..., deviceId=...))

    assert message.message_id == "fallback"
    assert json.loads(message.body)["timestamp"] == NOW_MS
    assert topology.HEADER_EXCLUDE not in message.headers


def test_a_rebuilt_event_does_not_go_back_to_its_device() -> None:
    body = envelope(type="SHOOT_PROGRESS", data=PROGRESS.data(), deviceId="mac")

    assert rebuild(body)[0].headers[topology.HEADER_EXCLUDE] == "mac"


def test_a_timestamp_from_the_future_does_not_outlive_now() -> None:
    body = envelope(type="SHOOT_PROGRESS", data=PROGRESS.data(), timestamp=NOW_MS + 10**9)
    [message] = rebuild(body)

    assert json.loads(message.body)["timestamp"] == NOW_MS


def test_a_rebuilt_event_names_no_run_so_that_its_arrival_counts() -> None:
    [message] = rebuild(envelope(type="SHOOT_PROGRESS", data=PROGRESS.data(), timestamp=NOW_MS))

    assert not {topology.HEADER_RUN, topology.HEADER_VERSION} & message.headers.keys()


def test_unknown_outer_fields_do_not_reach_devices() -> None:
    [message] = rebuild(envelope(seq=999, queue="all"))

    assert set(json.loads(message.body)) == {
        "id", "type", "data", "timestamp", "deviceId", "userId",
    }  # fmt: skip


def test_a_rebuilt_prompt_change_is_addressed_by_its_user_ids_alone() -> None:
    data = {"promptId": "p", "action": "voted", "userIds": ["ada", "bob"]}
    messages = rebuild(envelope(type="PROMPT_CHANGE", data=data, userId="carl"))

    assert [m.headers[topology.HEADER_ADDRESS] for m in messages] == ["user:ada", "user:bob"]


def test_a_rebuilt_progress_needs_a_receiver() -> None:
    with pytest.raises(InvalidEvent, match="userId is missing"):
        rebuild(envelope(type="SHOOT_PROGRESS", data=PROGRESS.data(), userId=...))


def test_wrong_data_is_refused() -> None:
    with pytest.raises(InvalidEvent, match="newBalance"):
        rebuild(envelope(data=CREDIT.data() | {"newBalance": "500"}))
