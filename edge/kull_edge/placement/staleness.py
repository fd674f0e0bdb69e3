"""Subscriptions whose owner is gone: since when, and which of their devices know about it. PURE.

Usually the next owner is there within a moment. Until the device is told, nothing shows it that
silence is not the same as no news. Times are seconds of the caller's monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from kull_edge.session.subscription import SubscriptionKey
from kull_edge.timers import Timers

CHECK_EVERY: Final = 1.0  # seconds between looks at a subscription that has waited too long


@dataclass(frozen=True, slots=True)
class StaleTimer:
    """Key of a deadline: look again at it. No tuple, or it would equal other keys."""

    key: SubscriptionKey


class Staleness:
    """Of the subscriptions that were served once, and are not now."""

    def __init__(self, timers: Timers[Any], *, stale_after: float) -> None:
        self._timers = timers
        self._stale_after = stale_after
        self._since: dict[SubscriptionKey, float] = {}
        self._told: set[SubscriptionKey] = set()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._since)

    def begins(self, key: SubscriptionKey, now: float) -> None:
        """The subscription has lost its owner, or goes on waiting."""
        if key not in self._since:
            self._since[key] = now
            self._timers.schedule(StaleTimer(key), now + self._stale_after)

    def ends(self, key: SubscriptionKey) -> bool:
        """It is served, or given up; return whether its device believes that it is not."""
        self._timers.cancel(StaleTimer(key))
        self._since.pop(key, None)
        told = key in self._told
        self._told.discard(key)
        return told

    def look(self, key: SubscriptionKey, now: float) -> tuple[float, bool] | None:
        """Return how long it has waited, and whether that is news to its device.

        None: it does not wait. To be called when its StaleTimer is due, which is set again.
        """
        since = self._since.get(key)
        if since is None:
            return None
        self._timers.schedule(StaleTimer(key), now + CHECK_EVERY)
        news = key not in self._told
        self._told.add(key)
        return now - since, news
