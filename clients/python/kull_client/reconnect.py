"""When to connect again, and when to give up. PURE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kull_client.backoff import full_jitter
from kull_client.errors import GaveUp

STABLE_AFTER: Final = 10.0  # seconds that a connection must have lasted to count as a success


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a connection, or the attempt to make one, ended.

    Attributes:
        why: for people.
        lasted: seconds since WELCOME, 0 if it never came.
        asked: the seconds that the server wants this device to stay away, None if it said nothing.
    """

    why: str
    lasted: float = 0.0
    asked: float | None = None


class Reconnecting:
    """Counts attempts since the last stable connection. `random` returns a float from 0 to 1."""

    def __init__(self, *, max_attempts: int | None, random: Callable[[], float]) -> None:
        self.attempts = 0
        self._max_attempts = max_attempts
        self._random = random

    def after(self, ended: Ended) -> float:
        """Return the seconds to wait before the next attempt. Raises GaveUp."""
        if ended.lasted >= STABLE_AFTER:
            self.attempts = 0
        else:
            self.attempts += 1
            if self._max_attempts is not None and self.attempts >= self._max_attempts:
                raise GaveUp(self.attempts, ended.why)
        if ended.asked is not None and self.attempts <= 1:
            return ended.asked
        return max(ended.asked or 0.0, full_jitter(self.attempts, random=self._random))
