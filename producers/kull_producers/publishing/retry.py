"""When to try again. PURE."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kull_producers.publishing.backoff import full_jitter

BASE: Final = 0.1  # seconds
CAP: Final = 5.0  # seconds


def backoff(
    attempt: int, random: Callable[[], float], *, base: float = BASE, cap: float = CAP
) -> float:
    """Return the seconds to wait before attempt number `attempt` (the first repeat is 1).

    See `full_jitter`.
    """
    return full_jitter(attempt, random=random, base=base, cap=cap)
