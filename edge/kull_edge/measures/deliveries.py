"""What is counted of entries on their way to devices, and of their acknowledgements. PURE."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from kull_protos.common.measures import LATENCY, Count, Counts, Histogram, counter, histogram

DELIVERED: Final = counter(
    "kull_edge_deliveries_total", "Entries written to devices, once for each device"
)
GAPS: Final = counter(
    "kull_edge_gaps_total",
    "Subscriptions that had to catch up since a router dropped pushes for this edge",
)
STORED_TO_WRITTEN: Final = histogram(
    "kull_edge_stored_to_written_seconds",
    "Of pushes, from the commit at the router until all live sessions of this edge were written "
    "to. Two monotonic clocks: the router's is read by the quickest of its last messages, whose "
    "way counts as none",
    LATENCY,
)
WRITTEN_TO_ACKNOWLEDGED: Final = histogram(
    "kull_edge_written_to_acknowledged_seconds",
    "From the writing of an entry to its device's acknowledgement, which devices may collect for "
    "as long as WELCOME says (ackDelay). One clock",
    LATENCY,
)
PUBLISH_TO_ACKNOWLEDGED: Final = histogram(
    "kull_edge_publish_to_acknowledged_seconds",
    "Of pushes, from the publisher's call to the device's acknowledgement: what the router says of "
    "the time before the commit (two wall clocks, at least 0), and the two above",
    LATENCY,
)
PRESENCE: Final = counter(
    "kull_edge_presence_total",
    "PRESENCE messages written to devices: all members (snapshot), what has changed (diff), or how "
    "many they are (count)",
    kind=("snapshot", "diff", "count"),
)
TRACES_GIVEN_UP: Final = counter(
    "kull_edge_delivery_traces_given_up_total",
    "Steps of traces that ended before the device had acknowledged, for newer ones: too many were "
    "open",
)
LINKS_LOST: Final = counter("kull_edge_links_lost_total", "Streams to routers that ended")


class Pushed(NamedTuple):
    """Entries that are being written, and when the first was committed, by the edge's clock."""

    stored: float
    entries: int


class DeliveryMeasures:
    """`now`: seconds of the edge's monotonic clock."""

    def __init__(self) -> None:
        self.delivered = Count(DELIVERED)
        self.gaps = Count(GAPS)
        self.presence = Counts(PRESENCE)
        self.links_lost = Count(LINKS_LOST)
        self.traces_given_up = Count(TRACES_GIVEN_UP)
        self.stored_to_written = Histogram(STORED_TO_WRITTEN)
        self.written_to_acknowledged = Histogram(WRITTEN_TO_ACKNOWLEDGED)
        self.publish_to_acknowledged = Histogram(PUBLISH_TO_ACKNOWLEDGED)

    def written(self, pushed: Iterable[Pushed], now: float) -> None:
        """Pushes have been written to the sockets."""
        for stored, entries in pushed:
            self.stored_to_written.observe(max(0.0, now - stored), entries)

    def acknowledged(self, written: float, published: float, now: float) -> None:
        """An entry was acknowledged that was written then, and published then (0: not known)."""
        self.written_to_acknowledged.observe(now - written)
        if published:
            self.publish_to_acknowledged.observe(max(0.0, now - published))
