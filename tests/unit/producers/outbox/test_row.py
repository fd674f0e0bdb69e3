"""A row of an outbox is the message that was accepted, or says what is wrong with it."""

from __future__ import annotations

import pytest

from kull_producers.errors import InvalidEvent
from kull_producers.events import topology
from kull_producers.events.message import Message
from kull_producers.outbox.row import Entry, entry_of, message_of, row_of

MESSAGE = Message(
    exchange=topology.CREDIT,
    routing_key="",
    body=b"{}",
    message_id="e-1",
    type="CREDIT_UPDATE",
    app_id="billing",
    headers={topology.HEADER_ADDRESS: "user:ada", topology.HEADER_VERSION: 7},
)


def changed(column: int, value: object) -> Entry:
    """Return the row of MESSAGE with another value in one column."""
    values: list[object] = list(row_of(MESSAGE, 5))
    values[column] = value
    return entry_of([1, *values])


def test_a_row_reads_back_as_the_message_with_the_routing_key_of_today() -> None:
    message = message_of(entry_of([1, *row_of(MESSAGE, 5)]), 4)

    assert message.routing_key.endswith(".user.ada.credit_update")
    assert (message.body, message.message_id, message.headers) == (b"{}", "e-1", MESSAGE.headers)


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        (3, "", "type is empty"),
        (6, "a text", "body must be bytes"),
        (5, "{", "headers are not JSON"),
        (5, "[]", "must be a JSON object"),
        (5, '{"a": 1.5}', "must be a JSON object"),
        (0, "nobody", "nobody"),
    ],
)
def test_a_row_that_holds_no_message_says_why(column: int, value: object, why: str) -> None:
    with pytest.raises(InvalidEvent, match=why):
        message_of(changed(column, value), 4)
