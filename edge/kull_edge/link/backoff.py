"""How long to wait before trying again. PURE."""

from __future__ import annotations

import random


def full_jitter(attempt: int, *, base: float, cap: float, rng: random.Random) -> float:
    """Return seconds to wait before attempt 1, 2, …: uniform in [0, min(cap, base·2^attempt)]."""
    return rng.uniform(0, min(cap, base * 2.0 ** min(attempt, 30)))
