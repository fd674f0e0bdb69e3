"""What is counted of connections: how they begin, what they are refused, how they end. PURE."""

from __future__ import annotations

from typing import Final

from kull_protos.common.code_labels import CODES
from kull_protos.common.measures import (
    DURATION,
    OTHER,
    Count,
    Counts,
    Histogram,
    counter,
    histogram,
)

MESSAGES: Final = counter(
    "kull_edge_messages_sent_total", "Messages written to devices, answers and entries"
)
ACKS: Final = counter("kull_edge_acks_sent_total", "Positions of devices reported to routers")
CONNECTS: Final = counter(
    "kull_edge_connects_total",
    "Devices that were welcomed: never seen before or without anything acknowledged (first), going "
    "on where they were (recovered), or told to refetch their state (not_recovered)",
    outcome=("first", "recovered", "not_recovered"),
)
CONNECT_SECONDS: Final = histogram(
    "kull_edge_connect_seconds", "From the open WebSocket to WELCOME, HELLO included", DURATION
)
REFUSED: Final = counter(
    "kull_edge_refused_total",
    "Connections refused before they were open, or cut for others, by reason",
    why=(
        "host",
        "origin",
        "connections",
        "attempts",
        "handshakes",
        "handshakes_per_address",
        "descriptors",
        "head",
        "query",
        OTHER,
    ),
)
THROTTLED: Final = counter(
    "kull_edge_throttled_total",
    "Times that a device sent too much and was not read for a moment",
)
LIMITED: Final = counter(
    "kull_edge_limited_total",
    "Devices told that they do too much, by what",
    what=("rooms", "messages", "tokens", "pings", OTHER),
)
CLOSES: Final = counter(
    "kull_edge_closes_total", "WebSockets closed by the edge, by close code; 0: cut", code=CODES
)


# What `Places` says, and what the metric calls it.
_CUT_FOR: Final = {"waiting": "handshakes", "address": "handshakes_per_address"}


class ConnectionMeasures:
    """Counts per step of a connection."""

    def __init__(self) -> None:
        self.messages = Count(MESSAGES)
        self.acks = Count(ACKS)
        self.connects = Counts(CONNECTS)
        self.connect_seconds = Histogram(CONNECT_SECONDS)
        self.refused = Counts(REFUSED)
        self.throttled = Count(THROTTLED)
        self.limited = Counts(LIMITED)
        self.closes = Counts(CLOSES)

    def cut(self, limit: str) -> None:
        """A connection was cut for another: see `Places.told`."""
        self.refused.add(_CUT_FOR.get(limit, limit))
