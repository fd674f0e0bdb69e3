"""When to try again. PURE."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

BASE: Final = 0.1  # seconds
CAP: Final = 5.0  # seconds


def backoff(
    attempt: int, random: Callable[[], float], *, base: float = BASE, cap: float = CAP
) -> float:
    """Return the seconds to wait before attempt number `attempt` (the first repeat is 1).

    Full jitter: anything from 0 to `base * 2**attempt`, at most `cap`, so that publishers that
    failed together do not come back together. `random` returns a float from 0 to 1.
    """
    return random() * min(cap, base * 2.0 ** min(attempt, 30))
