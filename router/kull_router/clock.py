"""Time and randomness as the router is given them, so that a simulation can give others."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kull_producers.events.stamp import uuid7
from kull_protos.common.backoff import full_jitter


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _loop_time() -> float:
    return asyncio.get_running_loop().time()


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Sources of time and chance.

    Attributes:
        wall_ms: milliseconds since the Unix epoch.
        monotonic: seconds, only good for differences; the event loop's own.
        random: for jitter.
        age: the same as `wall_ms`, for what is stored and its age, see `RetentionClock`; None: the
            wall clock.
    """

    wall_ms: Callable[[], int] = _wall_ms
    monotonic: Callable[[], float] = _loop_time
    random: random.Random = field(default_factory=random.Random)
    age: Callable[[], int] | None = None

    def age_ms(self) -> int:
        """Return the time that is stored with things, and that their age is told by."""
        return self.age() if self.age else self.wall_ms()

    def new_id(self) -> str:
        """Return a fresh id that sorts by time."""
        return uuid7(self.wall_ms(), self.random.randbytes(10))

    def jitter(self, attempt: int, *, base: float = 0.1, cap: float = 5.0) -> float:
        """Return full jitter: a random share of base * 2^attempt seconds, at most cap."""
        return full_jitter(attempt, random=self.random.random, base=base, cap=cap)
