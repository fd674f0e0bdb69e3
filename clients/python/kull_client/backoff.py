"""How long to wait before connecting again. PURE."""

from __future__ import annotations

from collections.abc import Callable


def full_jitter(
    attempt: int, *, random: Callable[[], float], base: float = 1.0, cap: float = 30.0
) -> float:
    """Return the seconds to wait after `attempt` failures (0, 1, …): 0 to min(cap, base·2^attempt).

    `random` returns a float from 0 to 1.
    """
    return random() * min(cap, base * 2.0 ** min(attempt, 30))
