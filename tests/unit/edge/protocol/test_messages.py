"""Device messages are read strictly, and mistakes are named."""

from __future__ import annotations

import json

import pytest

from kull_edge.errors import BadMessage
from kull_edge.protocol import messages


@pytest.mark.parametrize(
    ("text", "code", "names"),
    [
        ("", "invalid_json", "JSON"),
        ("{", "invalid_json", "JSON"),
        ("[1]", "invalid_json", "object"),
        ("NaN", "invalid_json", "NaN"),
        ("[" * 100_000, "invalid_json", "JSON"),
        ('{"seq":' + "1" * 5000 + "}", "invalid_json", "JSON"),
        ("{}", "unknown_type", "None"),
        ('{"type":"PRESENCE"}', "unknown_type", "PRESENCE"),
        ('{"type":"TYPING"}', "invalid_message", "queue"),
        ('{"type":"JOIN"}', "invalid_message", "queue"),
        ('{"type":"JOIN","queue":"all"}', "invalid_message", "queue"),
        ('{"type":"JOIN","queue":"room:"}', "invalid_message", "queue"),
        ('{"type":"JOIN","queue":"room:a","after":-1}', "invalid_message", "after"),
        ('{"type":"JOIN","queue":"room:\\ud800"}', "invalid_message", "queue"),
        ('{"type":"LEAVE","queue":"user"}', "invalid_message", "queue"),
        ('{"type":"LEAVE","queue":"room:%s"}' % ("x" * 124), "invalid_message", "queue"),
        ('{"type":"LOGOUT","ref":[]}', "invalid_message", "ref"),
        ('{"type":["ACK"]}', "unknown_type", "ACK"),
        ('{"type":"ACK"}', "invalid_message", "seq"),
        ('{"type":"ACK","seq":-1}', "invalid_message", "seq"),
        ('{"type":"ACK","seq":1.0}', "invalid_message", "seq"),
        ('{"type":"ACK","seq":true}', "invalid_message", "seq"),
        ('{"type":"ACK","seq":"1"}', "invalid_message", "seq"),
        ('{"type":"ACK","seq":9223372036854775808}', "invalid_message", "seq"),
        ('{"type":"ACK","seq":1,"queue":7}', "invalid_message", "queue"),
        ('{"type":"HELLO"}', "invalid_message", "token"),
        ('{"type":"HELLO","token":"t","after":[1]}', "invalid_message", "after"),
        ('{"type":"HELLO","token":"t","after":{"user":-1}}', "invalid_message", "after.user"),
        ('{"type":"HELLO","token":"t","deviceName":7}', "invalid_message", "deviceName"),
        ('{"type":"UPDATE_PROGRESS"}', "invalid_message", "payload"),
        ('{"type":"UPDATE_PROGRESS","payload":[]}', "invalid_message", "payload"),
        ('{"type":"UPDATE_PROGRESS","payload":{"a":1e999}}', "invalid_message", "payload"),
        ('{"type":"UPDATE_PROGRESS","payload":{"a":"\\ud800"}}', "invalid_message", "payload"),
        ('{"type":"UPDATE_PROGRESS","payload":{},"ref":{}}', "invalid_message", "ref"),
        ('{"type":"UPDATE_PROGRESS","payload":{},"ref":true}', "invalid_message", "ref"),
    ],
)
def test_a_bad_message_names_what_is_wrong(text: str, code: str, names: str) -> None:
    with pytest.raises(BadMessage) as caught:
        messages.parse(text)

    assert caught.value.code == code
    assert names in str(caught.value)


def test_a_bad_message_repeats_its_own_reference() -> None:
    with pytest.raises(BadMessage) as caught:
        messages.parse('{"type":"UPDATE_PROGRESS","ref":"r-1"}')

    assert caught.value.ref == "r-1"


def test_good_messages_are_read_and_unknown_fields_ignored() -> None:
    assert messages.parse('{"type":"ACK","seq":5,"new":1}') == messages.Ack(seq=5, queue="user")
    assert messages.parse('{"type":"ACK","seq":0,"queue":"all"}') == messages.Ack(
        seq=0, queue="all"
    )
    hello = messages.parse(
        '{"type":"HELLO","token":"t","epoch":"e","after":{"user":3},"platform":"ios"}'
    )
    assert hello == messages.Hello(token="t", epoch="e", after={"user": 3}, platform="ios")
    progress = messages.parse('{"type":"UPDATE_PROGRESS","payload":{"a": "é"},"ref":7}')
    assert progress == messages.UpdateProgress(payload='{"a":"é"}'.encode(), ref=7)


def test_positions_in_a_query_are_held_to_the_same_rules() -> None:
    many = ",".join(f"room:{number}:1" for number in range(67))
    with pytest.raises(BadMessage, match="more than 66"):
        messages.parse_after(many)


def test_hello_names_no_more_queues_than_one_can_follow() -> None:
    after = {f"room:{number}": 1 for number in range(67)}
    text = json.dumps({"type": "HELLO", "token": "t", "epoch": "e", "after": after})
    with pytest.raises(BadMessage, match="more than 66"):
        messages.parse(text)


def test_positions_in_hello_need_the_epoch_they_belong_to() -> None:
    with pytest.raises(BadMessage, match="epoch"):
        messages.parse('{"type":"HELLO","token":"t","after":{"user":3}}')
