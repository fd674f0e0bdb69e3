"""Token buckets, the clock passed in (the GCRA algorithm). PURE."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Final

MAX_KEYS: Final = 100_000
TINY: Final = 1e-9  # seconds that a sum of floats may be off


class Bucket:
    """Holds `burst` units and fills again with `rate` units a second. A rate of 0: no limit."""

    __slots__ = ("_burst", "_full_at", "_interval")

    def __init__(self, *, rate: float, burst: float) -> None:
        self._interval = 1 / rate if rate else 0.0  # seconds that one unit costs
        self._burst = burst * self._interval
        self._full_at = 0.0

    def take(self, units: float, now: float) -> float:
        """Take units if they are there and return 0, else the seconds until they will be."""
        full_at = max(self._full_at, now) + units * self._interval
        if (wait := full_at - now - self._burst) > TINY:
            return wait
        self._full_at = full_at
        return 0.0

    def spend(self, units: float, now: float) -> float:
        """Take units that are gone already; return the seconds until the debt is paid."""
        self._full_at = max(self._full_at, now) + units * self._interval
        return max(0.0, self._full_at - now - self._burst)


class Buckets:
    """A bucket for each key, of so many keys: then the one that was longest unused starts anew."""

    def __init__(self, *, rate: float, burst: float, max_keys: int = MAX_KEYS) -> None:
        self._rate, self._burst = rate, burst
        self._max_keys = max_keys
        self._buckets: OrderedDict[Hashable, Bucket] = OrderedDict()  # the longest unused first

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: Hashable, now: float) -> float:
        """Take one unit of a key if it is there and return 0, else the seconds to wait."""
        if not self._rate:
            return 0.0
        bucket = self._buckets.pop(key, None)
        if bucket is None:
            bucket = Bucket(rate=self._rate, burst=self._burst)
            if len(self._buckets) >= self._max_keys:
                self._buckets.popitem(last=False)
        self._buckets[key] = bucket
        return bucket.take(1, now)
