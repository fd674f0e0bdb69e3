"""Whether the event loop can wait for a commit. PURE."""

from __future__ import annotations

from typing import Final

QUICK: Final = 0.004  # seconds; a thread waits about as long for a busy event loop
WEIGHT: Final = 1 / 8  # of the newest in the moving average
PROBE: Final = 64  # commits after which a slow disk is tried again


class Pace:
    """How long commits took lately: one that is slow now and then changes nothing."""

    def __init__(self) -> None:
        self._mean = 0.0
        self._asked = 0

    def is_quick(self) -> bool:
        """Return whether the next commit should run on the event loop; then tell what it `took`."""
        self._asked += 1
        return self._mean < QUICK or self._asked % PROBE == 0

    def took(self, seconds: float) -> None:
        """A commit on the event loop is done."""
        self._mean += (seconds - self._mean) * WEIGHT
