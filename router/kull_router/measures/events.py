"""What is counted of events: from RabbitMQ into a queue, and out to the edges. PURE."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from kull_producers.events.models import EVENTS
from kull_protos.common.measures import LATENCY, OTHER, Count, Counts, Histogram, counter, histogram
from kull_protos.contract.event_types import EPHEMERAL, PRESENCE

TYPES: Final = (*EVENTS, *sorted(PRESENCE | EPHEMERAL), OTHER)
MAX_PUBLISHERS: Final = 100  # that are told apart
OUTCOMES: Final = ("stored", "duplicate", "stale", "ephemeral")

EVENTS_IN: Final = counter(
    "kull_router_events_total",
    "Events by what became of them: stored, a duplicate, stale (a newer one of its key came "
    "before), or ephemeral (never stored)",
    type=TYPES,
    outcome=OUTCOMES,
)
PUBLISH_TO_STORED: Final = histogram(
    "kull_router_publish_to_stored_seconds",
    "From the publisher's call to the commit. Two clocks: the publisher's wall clock and this "
    "router's; what lies in the future counts as 0, see kull_router_events_ahead_total",
    LATENCY,
)
AHEAD: Final = counter(
    "kull_router_events_ahead_total",
    "Stored events whose publisher's wall clock was ahead of this router's",
)
REDELIVERED: Final = counter(
    "kull_router_redelivered_total", "Deliveries that RabbitMQ had handed out once before"
)
DEAD: Final = counter(
    "kull_router_dead_letters_total", "Messages that were buried; the log says whose and why"
)
READDRESSED: Final = counter(
    "kull_router_readdressed_total",
    "Messages published without the right shard; the log says by whom (app_id)",
)
PUSHES: Final = counter("kull_router_pushes_total", "Entries pushed to edges, once for each edge")
DROPPED: Final = counter(
    "kull_router_pushes_dropped_total", "Pushes dropped since an edge did not keep up"
)
TRACES_GIVEN_UP: Final = counter(
    "kull_router_store_traces_given_up_total",
    "Steps of traces that ended before the event was stored, for newer ones: too many were open",
)


class EventMeasures:
    """Counts per batch where it can."""

    def __init__(self) -> None:
        self.events = Counts(EVENTS_IN)
        self.publish_to_stored = Histogram(PUBLISH_TO_STORED)
        self.ahead = Count(AHEAD)
        self.redelivered = Count(REDELIVERED)
        self.dead_letters = Count(DEAD)
        self.readdressed = Count(READDRESSED)
        self.unaddressed: dict[str, int] = {}  # of them, by the publisher's word: for people
        self.pushes = Count(PUSHES)
        self.dropped = Count(DROPPED)
        self.traces_given_up = Count(TRACES_GIVEN_UP)

    def readdress(self, app_id: str) -> None:
        """A message came without the right shard, from a publisher that calls itself so."""
        self.readdressed.value += 1
        if app_id not in self.unaddressed and len(self.unaddressed) >= MAX_PUBLISHERS:
            app_id = OTHER
        self.unaddressed[app_id] = self.unaddressed.get(app_id, 0) + 1

    def committed(self, events: Sequence[Any], outcomes: Sequence[object]) -> None:
        """A batch was committed: events with a `type`, and an outcome each."""
        counted: dict[tuple[str, type], int] = {}
        for event, outcome in zip(events, outcomes, strict=True):
            both = (event.type, type(outcome))
            counted[both] = counted.get(both, 0) + 1
        for (kind, what), n in counted.items():
            self.events.add(kind, what.__name__.lower(), n=n)

    def took(self, ages_ms: Iterable[int]) -> None:
        """So long before its commit, in milliseconds, was each of these events published."""
        observe = self.publish_to_stored.observe
        for age_ms in ages_ms:
            if age_ms < 0:
                self.ahead.value += 1
                observe(0.0)
            else:
                observe(age_ms / 1000)
