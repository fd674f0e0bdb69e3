"""How an outbox keeps a message: as one row. PURE.

The routing key is not kept: it is computed when the row is sent, so that rows accepted under a
wrong shard count go to the right shard once the count has been corrected.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from kull_producers.errors import InvalidEvent
from kull_producers.events import address, topology
from kull_producers.events.message import Message
from kull_producers.events.stamp import check_id

COLUMNS: Final = (
    "address", "exchange", "message_id", "type", "app_id", "headers", "body", "accepted_ms",
)  # fmt: skip

LATE_MS: Final = 10_000  # what has waited for longer may be old news


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxRow:
    """A row that waits to be sent.

    Attributes:
        id: rows of one address are sent in the order of their ids.
        address: whom it is for.
        values: the other columns, in the order of COLUMNS. They may be wrong.
        late: it has waited for long.
    """

    id: int
    address: str
    values: tuple[Any, ...]
    late: bool = False

    def looked_at(self, now_ms: int) -> OutboxRow:
        """Return the row as it is now, by the clock that has told when it was accepted.

        A clock that was changed meanwhile makes it late too soon, or not at all.
        """
        accepted_ms = self.values[COLUMNS.index("accepted_ms") - 1]
        waited = not isinstance(accepted_ms, int) or abs(now_ms - accepted_ms) > LATE_MS
        return replace(self, late=waited)


def values_of(message: Message, accepted_ms: int) -> tuple[str | bytes | int, ...]:
    """Return the values of COLUMNS. `accepted_ms` is milliseconds since the Unix epoch."""
    headers = dict(message.headers)
    to = str(headers.pop(topology.HEADER_ADDRESS))
    return (
        to,
        message.exchange,
        message.message_id,
        message.type,
        message.app_id,
        json.dumps(headers),
        message.body,
        accepted_ms,
    )


def row_of(values: Sequence[Any]) -> OutboxRow:
    """Return the row that was read as `id` and then COLUMNS."""
    return OutboxRow(id=int(values[0]), address=str(values[1]), values=tuple(values[2:]))


def message_of(row: OutboxRow, shard_count: int) -> Message:
    """Return the message that was accepted. Raises InvalidEvent if the row holds none."""
    exchange, message_id, type_, app_id, headers, body, _ = row.values
    if not type_:
        raise InvalidEvent("the row's type is empty")
    if not isinstance(body, bytes):  # SQLite keeps a text where a BLOB belongs
        raise InvalidEvent("the row's body must be bytes")
    known = {topology.HEADER_ADDRESS: row.address, **_headers(headers)}
    if row.late and topology.HEADER_KEY in known:
        known[topology.HEADER_LATE] = True
    return Message(
        exchange=exchange,
        routing_key=address.routing_key(address.check(row.address), shard_count, type_),
        body=body,
        message_id=check_id(message_id),
        type=type_,
        app_id=app_id,
        headers=known,
    )


def _headers(text: str) -> dict[str, str | int | bool]:
    try:
        headers = json.loads(text)
    except ValueError as error:
        raise InvalidEvent(f"the row's headers are not JSON: {error}") from error
    if not isinstance(headers, dict) or not all(
        isinstance(value, str | int | bool) for value in headers.values()
    ):
        raise InvalidEvent("the row's headers must be a JSON object of texts and whole numbers")
    return headers
