"""What can go wrong on an AMQP connection, in the router's terms."""

from __future__ import annotations

from kull_router.errors import BrokerError


class Refused(BrokerError):
    """RabbitMQ closed a channel or connection because of what was asked, or of its own accord.

    Attributes:
        code: AMQP reply code, e.g. 404 not found, 406 precondition failed, 320 shutting down.
        text: RabbitMQ's own words.
    """

    def __init__(self, code: int, text: str) -> None:
        self.code, self.text = code, text
        super().__init__(f"RabbitMQ says: {text} ({code})")


class BadFrame(Exception):
    """Bytes that are no AMQP 0-9-1; the connection cannot go on."""
