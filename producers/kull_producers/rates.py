"""How often a caller may call: a token bucket for each (the GCRA algorithm). PURE."""

from __future__ import annotations

from typing import Final

MAX_KEYS: Final = 10_000
TINY: Final = 1e-9  # seconds that a sum of floats may be off


class Buckets:
    """One bucket per key: it holds `burst` calls and fills again with `rate` calls a second.

    A rate of 0 allows everything. Buckets that are full again are forgotten.
    """

    def __init__(self, *, rate: float, burst: float, max_keys: int = MAX_KEYS) -> None:
        self._interval = 1 / rate if rate else 0.0  # seconds that one call costs
        self._burst = burst * self._interval
        self._max_keys = max_keys
        self._full_at: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: str, now: float) -> float:
        """Return 0 if the call may go on, else the seconds until one may. `now` is in seconds."""
        full_at = max(self._full_at.get(key, now), now) + self._interval
        if (wait := full_at - now - self._burst) > TINY:
            return wait
        if len(self._full_at) >= self._max_keys and key not in self._full_at:
            self._forget(now)
        self._full_at[key] = full_at
        return 0.0

    def _forget(self, now: float) -> None:
        self._full_at = {key: at for key, at in self._full_at.items() if at > now}
        while len(self._full_at) >= self._max_keys:  # all are in use: the oldest starts anew
            del self._full_at[next(iter(self._full_at))]
