"""A session's token: when it ends, and the one that may follow it. PURE."""

from __future__ import annotations

from dataclasses import dataclass, field

from kull_edge.protocol.messages import Refresh


@dataclass(slots=True)
class Credential:
    """What a session showed.

    Attributes:
        token: the newest one that a router has accepted, or the first one.
        expires_ms, closes_ms: of the token, and of the session that goes on with it, since the
            Unix epoch; 0: never.
        asked: the device's REFRESH that a router is looking at.
    """

    token: str = field(default="", repr=False)
    expires_ms: int = 0
    closes_ms: int = 0
    asked: Refresh | None = None

    def ends(self, expires_ms: int, closes_ms: int) -> None:
        """Note what a router says about the token."""
        self.expires_ms, self.closes_ms = expires_ms, max(expires_ms, closes_ms)

    def answered(self, *, accepted: bool) -> Refresh | None:
        """A router has looked at the REFRESH: return it, if there was one."""
        asked, self.asked = self.asked, None
        if asked and accepted:
            self.token = asked.token
        return asked
