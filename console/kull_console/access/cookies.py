"""The cookie of a session, and what keeps pages of others from using it. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CSRF_HEADER: Final = "X-CSRF-Token"


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie that no script reads and no other site's request carries.

    secure: over TLS it bears the prefix `__Host-`, with which browsers hold it to this host.
    """

    secure: bool
    lax: bool = False  # is sent when another site links here: only while signing in there
    purpose: str = "session"

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{'__Host-' if self.secure else ''}kull-console-{self.purpose}"

    def set(self, value: str, *, seconds: float) -> str:
        """Return the header that sets it."""
        parts = [
            f"{self.name}={value}",
            "Path=/",
            f"Max-Age={int(seconds)}",
            "HttpOnly",
            f"SameSite={'Lax' if self.lax else 'Strict'}",
        ]
        return "; ".join([*parts, "Secure"] if self.secure else parts)

    def clear(self) -> str:
        """Return the header that removes it."""
        return self.set("", seconds=0)
