"""The text that a device gets of an event: its body, and where it stands."""

from __future__ import annotations

import json

import pytest

from kull_router.queues.entry import message_of
from tests.support.stores import credit

BODY = b'{"id":"e-1","data":{"text":"Gr\xc3\xbc\xc3\x9fe"}}'


def test_a_users_own_event_gets_its_position_and_nothing_else() -> None:
    message = message_of(credit("e-1", body=BODY), 7)
    assert message == b'{"seq":7,' + BODY[1:]


def test_what_is_not_stored_has_no_position() -> None:
    assert message_of(credit("e-1", body=BODY), 0) == BODY


@pytest.mark.parametrize("address", ["all", "room:x", 'room:a "quoted" \\ name', "room:é"])
@pytest.mark.parametrize("seq", [0, 2**53])
def test_an_event_of_another_queue_names_it(address: str, seq: int) -> None:
    told = json.loads(message_of(credit("e-1", address=address, body=BODY), seq))
    assert told.pop("queue") == address
    assert told.pop("seq", 0) == seq
    assert told == json.loads(BODY)
