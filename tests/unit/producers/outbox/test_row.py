"""A message as a row of an outbox, and back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kull_producers.errors import InvalidEvent
from kull_producers.events import topology
from kull_producers.events.envelope import messages_of
from kull_producers.events.models import CreditUpdate, ShootProgress
from kull_producers.events.stamp import Stamp
from kull_producers.outbox.row import (
    COLUMNS,
    LATE_MS,
    OutboxRow,
    message_of,
    row_of,
    values_of,
)

STAMP = Stamp(id="e-1", timestamp_ms=1_700_000_000_000, run="run-1", version=7, app_id="billing")
CREDIT = CreditUpdate(user_id="ada", new_balance=500, change=100, reason="Credit purchase")
PROGRESS = ShootProgress(
    shoot_id="s", status="completed", processed_count=2, total_count=2, provider="Local"
)
[MESSAGE] = messages_of(CREDIT, STAMP, shard_count=16)


def changed(**values: Any) -> OutboxRow:
    whole = dict(zip(COLUMNS, values_of(MESSAGE, 5), strict=True)) | values
    return row_of([1, *whole.values()])


@pytest.mark.parametrize(("event", "user_id"), [(CREDIT, None), (PROGRESS, "ada")])
def test_a_row_gives_back_the_message_that_was_accepted(
    event: CreditUpdate | ShootProgress, user_id: str | None
) -> None:
    [message] = messages_of(event, STAMP, shard_count=16, user_id=user_id)
    row = row_of([7, *values_of(message, 5)])

    assert (row.id, row.address) == (7, "user:ada")
    assert message_of(row, 16) == message


@pytest.mark.parametrize(
    ("waited_ms", "late"), [(0, False), (LATE_MS, False), (LATE_MS + 1, True), (-LATE_MS - 1, True)]
)
def test_a_row_of_a_key_that_has_waited_for_long_says_so(waited_ms: int, late: bool) -> None:
    [progress] = messages_of(PROGRESS, STAMP, shard_count=16, user_id="ada")
    row = row_of([7, *values_of(progress, 50_000)]).looked_at(50_000 + waited_ms)

    expected = {topology.HEADER_LATE: True} if late else {}
    assert message_of(row, 16).headers == progress.headers | expected
    credit = row_of([7, *values_of(MESSAGE, 50_000)]).looked_at(50_000 + waited_ms)
    assert message_of(credit, 16) == MESSAGE


def test_a_row_that_does_not_tell_when_it_was_accepted_is_late() -> None:
    assert changed(accepted_ms="yesterday").looked_at(5).late


def test_the_shard_is_the_one_of_the_day_it_is_sent() -> None:
    row = row_of([7, *values_of(MESSAGE, 5)])

    assert message_of(row, 16).routing_key != message_of(row, 5).routing_key
    assert "routing_key" not in COLUMNS


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"type": ""}, "type is empty"),
        ({"body": "{}"}, "body must be bytes"),
        ({"headers": "{"}, "headers are not JSON"),
        ({"headers": "[]"}, "headers must be a JSON object"),
        ({"headers": json.dumps({"kull-key": [1]})}, "headers must be a JSON object"),
        ({"headers": '{"a": 1.5}'}, "headers must be a JSON object"),
        ({"address": "nobody"}, "nobody"),
        ({"message_id": ""}, "an event id"),
    ],
)
def test_a_row_that_somebody_has_changed_is_refused_and_says_what_is_wrong(
    values: dict[str, Any], why: str
) -> None:
    with pytest.raises(InvalidEvent, match=why):
        message_of(changed(**values), 16)
