from __future__ import annotations

import json
from dataclasses import replace

import pytest

from kull_producers.errors import InvalidAddress, InvalidEvent
from kull_producers.events import address, topology
from kull_producers.events.envelope import messages_of
from kull_producers.events.message import Message
from kull_producers.events.models import CreditUpdate, PromptChange, ShootProgress
from kull_producers.events.stamp import Stamp

NOW_MS = 1_700_000_000_000
STAMP = Stamp(id="e-1", timestamp_ms=NOW_MS, run="run-1", version=7, app_id="billing")
CREDIT = CreditUpdate(user_id="ada", new_balance=500, change=100, reason="Credit purchase")
PROGRESS = ShootProgress(
    shoot_id="s", status="processing", processed_count=1, total_count=2, provider="Local"
)


def test_a_message_carries_the_final_bytes_and_says_how_it_is_kept() -> None:
    [message] = messages_of(CREDIT, STAMP, shard_count=16)

    assert message.body == (
        b'{"id":"e-1","type":"CREDIT_UPDATE","data":{"userId":"ada","newBalance":500,"change":100,'
        b'"reason":"Credit purchase"},"timestamp":1700000000000,"deviceId":"server","userId":"ada"}'
    )
    assert message == Message(
        exchange="kull.credit",
        routing_key=address.routing_key("user:ada", 16, "CREDIT_UPDATE"),
        body=message.body,
        message_id="e-1",
        type="CREDIT_UPDATE",
        app_id="billing",
        headers={"kull-address": "user:ada", "kull-contract": "every"},
    )


def test_a_latest_event_carries_its_key_and_its_place() -> None:
    [message] = messages_of(PROGRESS, STAMP, shard_count=16, user_id="ada")

    assert message.headers == {
        "kull-address": "user:ada",
        "kull-contract": "latest",
        "kull-key": "shoot:s",
        "kull-run": "run-1",
        "kull-version": 7,
        "kull-progress": 1,
        "kull-final": False,
    }


def test_a_queued_shoot_begins_anew_whatever_its_count() -> None:
    queued = ShootProgress(
        shoot_id="s", status="queued", processed_count=4, total_count=9, provider="Local"
    )
    [message] = messages_of(queued, STAMP, shard_count=16, user_id="ada")

    assert message.headers[topology.HEADER_PROGRESS] == 0


def test_what_counts_nothing_has_no_progress_and_what_names_no_run_no_version() -> None:
    prompt = PromptChange(prompt_id="p", action="voted")
    [message] = messages_of(prompt, replace(STAMP, run="", version=0), shard_count=16)

    assert message.headers == {
        "kull-address": "all",
        "kull-contract": "latest",
        "kull-key": "prompt:p",
        "kull-final": True,
    }


def test_the_trace_travels_along() -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    [message] = messages_of(CREDIT, replace(STAMP, traceparent=trace), shard_count=16)

    assert message.headers[topology.HEADER_TRACEPARENT] == trace


def test_a_prompt_change_goes_to_everybody() -> None:
    [message] = messages_of(PromptChange(prompt_id="p", action="voted"), STAMP, shard_count=16)

    assert message.headers[topology.HEADER_ADDRESS] == "all"
    assert json.loads(message.body)["userId"] == ""


def test_a_prompt_change_to_some_is_one_message_each_with_one_id_and_no_other_user() -> None:
    event = PromptChange(prompt_id="p", action="voted", user_ids=("ada", "bob", "ada"))
    messages = messages_of(event, STAMP, shard_count=16)

    assert [m.headers[topology.HEADER_ADDRESS] for m in messages] == ["user:ada", "user:bob"]
    assert {m.message_id for m in messages} == {"e-1"}
    assert b"bob" not in messages[0].body
    assert b"ada" not in messages[1].body


def test_an_event_without_a_receiver_is_refused() -> None:
    with pytest.raises(InvalidEvent, match="userId is missing"):
        messages_of(PROGRESS, STAMP, shard_count=16)
    with pytest.raises(InvalidAddress):
        messages_of(PROGRESS, STAMP, shard_count=16, user_id="")


def test_a_room_is_told_instead_of_a_user() -> None:
    change = PromptChange(prompt_id="p", action="voted")
    for event in (PROGRESS, change):
        [message] = messages_of(event, STAMP, shard_count=16, room="wedding")
        assert message.exchange == topology.ROOM
        assert message.headers[topology.HEADER_ADDRESS] == "room:wedding"
        assert json.loads(message.body)["userId"] == ""
    for wrong, user_id in ((CREDIT, None), (PROGRESS, "ada"), (change, "ada")):
        with pytest.raises(InvalidEvent, match="room"):
            messages_of(wrong, STAMP, shard_count=16, user_id=user_id, room="wedding")
    with pytest.raises(InvalidEvent, match="not both"):
        named = PromptChange(prompt_id="p", action="voted", user_ids=("ada",))
        messages_of(named, STAMP, shard_count=16, room="wedding")
    with pytest.raises(InvalidAddress):
        messages_of(PROGRESS, STAMP, shard_count=16, room="")


def test_a_credit_update_never_goes_to_another_user() -> None:
    with pytest.raises(InvalidEvent, match="differs"):
        messages_of(CREDIT, STAMP, shard_count=16, user_id="bob")


def test_a_prompt_change_names_its_users_itself() -> None:
    event = PromptChange(prompt_id="p", action="voted", user_ids=["ada"])

    with pytest.raises(InvalidEvent, match="name the users in userIds"):
        messages_of(event, STAMP, shard_count=4, user_id="ada")


def test_a_field_that_an_event_does_not_have_is_named() -> None:
    with pytest.raises(InvalidEvent, match="'colour' is not a field of it"):
        PromptChange.from_data({"promptId": "p", "action": "voted", "colour": "red"})


def test_what_a_device_has_caused_does_not_go_back_to_it() -> None:
    [message] = messages_of(PROGRESS, STAMP, shard_count=16, user_id="ada", device_id="mac")

    assert message.headers[topology.HEADER_EXCLUDE] == "mac"
    assert json.loads(message.body)["deviceId"] == "mac"
