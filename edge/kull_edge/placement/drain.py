"""When the devices of a leaving edge go, so that they are no herd for the others. PURE."""

from __future__ import annotations

import random
from typing import Final

# The pace, as long as the time suffices for it. A small mesh takes about 1,000 reconnects a second,
# and has events to deliver as well (`make rolling`).
RECONNECTS_PER_SECOND: Final = 200
MAX_SPREAD: Final = 30.0  # seconds


def slots(count: int, within: float, rng: random.Random) -> list[float]:
    """Return a slot for each of `count` devices, in seconds from now, in random order.

    They follow each other at an even pace, over at most `within` seconds.
    """
    pace = min(within / max(1, count), 1 / RECONNECTS_PER_SECOND)
    spread = [pace * (place + rng.random()) for place in range(count)]
    rng.shuffle(spread)
    return spread


def slot(count: int, rng: random.Random) -> float:
    """Return a slot for one of `count` devices that go at the same time, each by itself."""
    return rng.uniform(0, min(MAX_SPREAD, count / RECONNECTS_PER_SECOND))
