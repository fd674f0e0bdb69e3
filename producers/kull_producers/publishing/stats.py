"""What a publisher counts: numbers to read, or to export with `kull_producers.exposition`. PURE."""

from __future__ import annotations

from typing import Final

from kull_producers.errors import (
    AccessRefused,
    ConnectError,
    KullError,
    NotRoutable,
    Overloaded,
    PublishTimeout,
)
from kull_producers.measures import (
    DURATION,
    OTHER,
    Count,
    Counts,
    Gauge,
    Histogram,
    Measure,
    counter,
    gauge,
    histogram,
    measures_of,
)

CONFIRM_SECONDS: Final = histogram(
    "kull_publisher_confirm_seconds",
    "Of each event that RabbitMQ has confirmed, from the call to the confirm, retries included; "
    "with an outbox from the last attempt",
    DURATION,
)
RETRIES: Final = counter(
    "kull_publisher_retries_total", "Attempts that failed and were followed by another"
)
FAILED: Final = counter(
    "kull_publisher_failed_total",
    "Events that were given up, by reason; with an outbox none is",
    reason=("overloaded", "timeout", "unreachable", "not_routable", "access_refused", OTHER),
)
IN_FLIGHT: Final = gauge(
    "kull_publisher_in_flight", "Events that are sent, or about to be, and not confirmed"
)
_REASONS: Final[tuple[tuple[type[KullError], str], ...]] = (
    (Overloaded, "overloaded"),
    (PublishTimeout, "timeout"),
    (NotRoutable, "not_routable"),
    (AccessRefused, "access_refused"),
    (ConnectError, "unreachable"),
)


class PublisherStats:
    """The numbers of one publisher.

    Attributes:
        confirmed: how long confirms took; its `count` is the number of confirmed events.
        retries: attempts that were followed by another.
        failed: events that were given up, by reason.
        flying: how many events are unconfirmed now.
        measures: all of it, for whoever exports it.
    """

    def __init__(self) -> None:
        self.confirmed = Histogram(CONFIRM_SECONDS)
        self.retries = Count(RETRIES)
        self.failed = Counts(FAILED)
        self.flying = 0
        self._in_flight = Gauge(IN_FLIGHT, lambda: self.flying)
        self.measures: list[Measure] = measures_of(self)

    def gave_up(self, error: KullError) -> None:
        """An event was not confirmed."""
        reasons = (reason for kind, reason in _REASONS if isinstance(error, kind))
        self.failed.add(next(reasons, OTHER))
