"""What is counted of users who come and go. PURE."""

from __future__ import annotations

from typing import Final

from kull_protos.common.measures import Count, Counts, counter

EVENTS: Final = ("user.online", "user.offline", "device.online", "device.offline")
TOLD: Final = counter(
    "kull_router_statuses_total", "Changes of watched users that edges were told, once per edge"
)
PUBLISHED: Final = counter(
    "kull_router_presence_events_total",
    "Messages of kull.presence that RabbitMQ has confirmed",
    kind=EVENTS,
)
FAILED: Final = counter(
    "kull_router_presence_failed_total",
    "Attempts to keep or publish such messages that failed: they are made again",
)


class StatusMeasures:
    """Counts per change, not per event."""

    def __init__(self) -> None:
        self.told = Count(TOLD)
        self.published = Counts(PUBLISHED)
        self.failed = Count(FAILED)
