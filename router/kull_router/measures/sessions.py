"""What is counted of sessions and of what they ask for. PURE."""

from __future__ import annotations

from typing import Final

from kull_protos.common.code_labels import CODES
from kull_protos.common.measures import (
    DURATION,
    SIZES,
    Count,
    Counts,
    Histogram,
    counter,
    histogram,
)

SUBSCRIBED: Final = counter(
    "kull_router_subscribed_total",
    "Sessions that were taken into their user's own queue: new ones whose device was never seen "
    "(first), goes on where it was (recovered) or must refetch (not_recovered), and those that "
    "came from another owner of the shard (moved)",
    outcome=("first", "recovered", "not_recovered", "moved"),
)
REFUSED: Final = counter(
    "kull_router_refused_total",
    "Subscriptions refused, by close code; 0: the edge shall try again",
    code=CODES,
)
EVICTED: Final = counter(
    "kull_router_evicted_total", "Sessions that edges were told to close, by close code", code=CODES
)
SUBSCRIBE_SECONDS: Final = histogram(
    "kull_router_subscribe_seconds", "From a Subscribe to its answer", DURATION
)
ACKNOWLEDGED: Final = counter(
    "kull_router_acknowledgements_total", "Positions that edges reported of devices"
)
FETCH_SECONDS: Final = histogram(
    "kull_router_fetch_seconds", "From a Fetch of a session that catches up to its answer", DURATION
)
FETCHED: Final = histogram("kull_router_fetch_entries", "Entries in the answers to Fetch", SIZES)
REVOCATIONS: Final = counter("kull_router_revocations_total", "Revocations put in force")
EXPIRED: Final = counter(
    "kull_router_expired_total",
    "Sessions ended here since their edge let them outlive their token",
)


class SessionMeasures:
    """Counts per step of a session, not per event."""

    def __init__(self) -> None:
        self.subscribed = Counts(SUBSCRIBED)
        self.refused = Counts(REFUSED)
        self.evicted = Counts(EVICTED)
        self.subscribe_seconds = Histogram(SUBSCRIBE_SECONDS)
        self.acknowledged = Count(ACKNOWLEDGED)
        self.fetch_seconds = Histogram(FETCH_SECONDS)
        self.fetched = Histogram(FETCHED)
        self.revocations = Count(REVOCATIONS)
        self.expired = Count(EXPIRED)
