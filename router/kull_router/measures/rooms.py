"""What is counted of rooms' rosters. PURE."""

from __future__ import annotations

from typing import Final

from kull_protos.common.measures import DURATION, Count, Counts, Histogram, counter, histogram

FRAMES: Final = counter(
    "kull_router_roster_frames_total",
    "Frames that told an edge who is in a room: all members (snapshot), what has changed (diff), "
    "or how many they are (count)",
    kind=("snapshot", "diff", "count"),
)
CHANGES: Final = counter(
    "kull_router_roster_changes_total",
    "Members that came, changed or went between two looks",
)
COALESCED: Final = counter(
    "kull_router_roster_coalesced_total",
    "Joins, leaves and states that were told together with another one of the same member, or that "
    "were undone before they were told",
)
SECONDS: Final = histogram(
    "kull_router_roster_seconds", "To tell what is due, of all rooms", DURATION
)


class RoomMeasures:
    """Counts per look at the rooms."""

    def __init__(self) -> None:
        self.frames = Counts(FRAMES)
        self.changes = Count(CHANGES)
        self.coalesced = Count(COALESCED)
        self.seconds = Histogram(SECONDS)
