"""What the connection is doing, as applications see it. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the connection is doing.

    Attributes:
        name: `idle` before the client is opened, `waiting` is the pause before the next attempt,
            `closed` is the end.
        reason: why it waits or was closed.
        delay: with `waiting`, the length of the pause in seconds.
        attempt: attempts since the last stable connection.
        stale_since: with `connected`, since when nothing new can come, as the server itself has
            lost touch; in ms since the Unix epoch, 0 while all is well.
    """

    name: Literal["idle", "connecting", "connected", "waiting", "closed"]
    reason: str = ""
    delay: float = 0.0
    attempt: int = 0
    stale_since: int = 0

    @property
    def stale(self) -> bool:
        """Whether what the application shows may be old although it is connected."""
        return self.stale_since > 0
