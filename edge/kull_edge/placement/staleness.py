"""Seats whose owner is gone: since when, and which of their devices know about it. PURE.

Usually the next owner is there within a moment. Until the device is told, nothing shows it that
silence is not the same as no news. Times are seconds of the caller's monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from kull_edge.placement.owners import Seat
from kull_edge.timers import Timers

CHECK_EVERY: Final = 1.0  # seconds between looks at a seat that has waited too long


@dataclass(frozen=True, slots=True)
class StaleTimer:
    """Key of a deadline: look again at this seat. No tuple, or it would equal other keys."""

    seat: Seat


class Waiting:
    """The seats that were served once, and are not now."""

    def __init__(self, timers: Timers[Any], *, stale_after: float) -> None:
        self._timers = timers
        self._stale_after = stale_after
        self._since: dict[Seat, float] = {}
        self._told: set[Seat] = set()

    def begins(self, seat: Seat, now: float) -> None:
        """The seat has lost its owner, or goes on waiting."""
        if seat not in self._since:
            self._since[seat] = now
            self._timers.schedule(StaleTimer(seat), now + self._stale_after)

    def ends(self, seat: Seat) -> bool:
        """The seat is served, or given up; return whether its device believes that it is not."""
        self._timers.cancel(StaleTimer(seat))
        self._since.pop(seat, None)
        told = seat in self._told
        self._told.discard(seat)
        return told

    def look(self, seat: Seat, now: float) -> tuple[float, bool] | None:
        """Return how long the seat has waited, and whether that is news to its device.

        None: it does not wait. To be called when its StaleTimer is due, which is set again.
        """
        since = self._since.get(seat)
        if since is None:
            return None
        self._timers.schedule(StaleTimer(seat), now + CHECK_EVERY)
        news = seat not in self._told
        self._told.add(seat)
        return now - since, news
