"""The message that carries an event through RabbitMQ. PURE."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from kull_producers.events import topology

EVENT_CONTENT: Final = "application/json"
BATCH_CONTENT: Final = "application/vnd.kull.batch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One AMQP message, independent of any client library.

    Attributes:
        exchange: where it is (to be) published.
        routing_key: see `address.routing_key`.
        body: UTF-8 JSON, the final envelope as devices get it, without `seq`.
        message_id: the event's id; a repeat with the same id, type, app_id and address is a
            duplicate.
        type: the event's type, e.g. `CREDIT_UPDATE`.
        app_id: the service that publishes, by its own word: see `stamp.Stamp`.
        headers: names of `topology.HEADER_*`.
        replaceable: while it is unsent a newer one of its key may go instead of it; nobody but its
            publisher knows its id. It does not travel.
        optional: it is published although no queue may take it. Nor does this.
    """

    exchange: str
    routing_key: str
    body: bytes
    message_id: str
    type: str = ""
    app_id: str = ""
    headers: dict[str, str | int | bool] = field(default_factory=dict)
    replaceable: bool = field(default=False, compare=False)
    optional: bool = field(default=False, compare=False)

    @property
    def content_type(self) -> str:
        """What the body is, for AMQP."""
        return BATCH_CONTENT if self.type == topology.BATCH else EVENT_CONTENT
