"""When to connect again, and when to give up. PURE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kull_client.backoff import full_jitter
from kull_client.errors import GaveUp

BASE: Final = 1.0  # seconds
CAP: Final = 30.0  # seconds
YOUNG: Final = 300.0  # seconds for which a predecessor's messages may be held up on their way
REPLACED_AGAIN: Final = 60.0  # seconds within which a second replacement is believed
STABLE_AFTER: Final = 10.0  # seconds that a connection must have lasted to count as a success


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a connection, or the attempt to make one, ended.

    Attributes:
        why: for people.
        lasted: seconds since WELCOME, 0 if it never came.
        asked: the seconds that the server wants this device to stay away, None if it said nothing.
        cause: the error behind it, if there was one.
    """

    why: str
    lasted: float = 0.0
    asked: float | None = None
    cause: BaseException | None = None


class Reconnecting:
    """Counts attempts since the last stable connection. `random` returns a float from 0 to 1."""

    def __init__(self, *, max_attempts: int | None, random: Callable[[], float]) -> None:
        self.attempts = 0
        self._replaced_at: float | None = None
        self._max_attempts = max_attempts
        self._random = random

    def believes_replaced(self, *, lasted: float, now: float) -> bool:
        """Whether "the same device has connected again" is the end.

        What takes the place of a young connection may be an older one of this very device, held up
        on its way, so that is tried once. `now`: seconds on the caller's clock.
        """
        before, self._replaced_at = self._replaced_at, now
        again = before is not None and now - before < REPLACED_AGAIN
        return again or lasted >= YOUNG

    def after(self, ended: Ended) -> float:
        """Return the seconds to wait before the next attempt. Raises GaveUp."""
        if ended.lasted >= STABLE_AFTER:
            self.attempts = 0
        else:
            self.attempts += 1
            if self._max_attempts is not None and self.attempts >= self._max_attempts:
                raise GaveUp(self.attempts, ended.why) from ended.cause
        if ended.asked is not None and self.attempts <= 1:
            return ended.asked
        wait = full_jitter(self.attempts, random=self._random, base=BASE, cap=CAP)
        return max(ended.asked or 0.0, wait)
