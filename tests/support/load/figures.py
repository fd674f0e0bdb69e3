"""Percentiles and peaks. PURE."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence


def percentile(values: Iterable[float], share: float) -> float:
    """Return the nearest-rank percentile, `share` from 0 to 1; NaN if there are no values."""
    ordered = sorted(values)
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def peak(times: Iterable[float], window: float) -> int:
    """Return the most times that fall into any window of that many seconds."""
    ordered = sorted(times)
    first = most = 0
    for last, at in enumerate(ordered):
        while at - ordered[first] >= window:
            first += 1
        most = max(most, last - first + 1)
    return most


def stretch(times: Sequence[float]) -> float:
    """Return the seconds between the first and the last of them."""
    return max(times) - min(times) if times else 0.0
