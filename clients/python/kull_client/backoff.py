# Generated from protos/kull_protos/common/backoff.py by `make contract`: do not edit.
"""How long to wait before trying again. PURE."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_MAX_POWER: Final = 30  # beyond it every cap is reached


def full_jitter(attempt: int, *, random: Callable[[], float], base: float, cap: float) -> float:
    """Return the seconds to wait after `attempt` failures: 0 to min(cap, base·2^attempt).

    Anything in between, so that what failed together does not come back together. `random` returns
    a float from 0 to 1; `base` and `cap` are seconds.
    """
    return random() * min(cap, base * 2.0 ** min(attempt, _MAX_POWER))
