"""When an open connection needs another token. PURE."""

from __future__ import annotations

from typing import Final

RENEW_AT: Final = 0.8  # of a token's life
MIN_RENEWAL: Final = 1.0  # seconds between renewals


class Renewal:
    """Times are in seconds of any one clock; a token's life is told by the server's."""

    def __init__(self) -> None:
        self._at: float | None = None

    @property
    def at(self) -> float | None:
        """When another token is due; None while none is."""
        return self._at

    def lives(self, lifetime: float | None, now: float) -> None:
        """The server has told how long the token in use lives, in seconds; None: for ever."""
        self._at = None if lifetime is None else now + max(MIN_RENEWAL, lifetime * RENEW_AT)

    def expired(self, now: float) -> None:
        """The server waits a little for another token."""
        self._at = now

    def take(self) -> None:
        """Another one is being got. Should that fail, TOKEN_EXPIRED will ask once more."""
        self._at = None
