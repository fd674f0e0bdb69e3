"""When an open connection needs another token. PURE."""

from __future__ import annotations

from typing import Final

RENEW_AT: Final = 0.8  # of a token's life
AS_GOOD_AS_EXPIRED: Final = 5.0  # seconds of life
SOONEST: Final = 1.0  # seconds after the server has told such a life
PAUSE: Final = 10.0  # seconds between renewals that bring no token to live with
MAX_PAUSE: Final = 300.0  # seconds between renewals that fail


class Renewal:
    """Times are in seconds of any one clock; a token's life is told by the server's."""

    def __init__(self) -> None:
        self._at: float | None = None
        self._not_before = float("-inf")
        self._failures = 0

    @property
    def at(self) -> float | None:
        """When another token is due; None while none is."""
        return self._at

    def lives(self, lifetime: float | None, now: float) -> None:
        """The server has told how long the token in use lives, in seconds; None: for ever."""
        self._failures = 0
        if lifetime is None:
            self._at = None
        elif lifetime < AS_GOOD_AS_EXPIRED:
            self._at = max(self._not_before, now + SOONEST)
        else:
            self._at = now + lifetime * RENEW_AT

    def expired(self, now: float) -> None:
        """The server waits a little for another token."""
        self._at = max(self._not_before, now)

    def take(self, now: float) -> None:
        """Another one is being got."""
        self._at = None
        self._not_before = now + PAUSE

    def failed(self, now: float) -> None:
        """It could not be had: try again later, and the later the more often this happens."""
        pause = min(MAX_PAUSE, PAUSE * 2.0 ** min(self._failures, 10))
        self._failures += 1
        self._at = min(self._at or now + pause, now + pause)
