"""Which web pages may talk to us. PURE.

A browser says in `Origin` which page a request comes from; other programs send none, and a page
cannot forge it.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

ANY: Final = "*"
OPAQUE: Final = "null"  # what sandboxed frames and pages from files say: any of them
# RFC 6454; apps around a web view have schemes of their own: capacitor://localhost, app://.
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.\-]*://[a-z0-9_.\-\[\]:]+|file://")
_LOCAL: Final = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """The pages that may talk to us: those of our own host, and those listed.

    Attributes:
        allowed: exact origins, `https://app.example.com`, `capacitor://localhost`, `null`;
            `*`: any.
        local: pages of this machine may too, whatever their port: for development.
        literal: our own host counts only as an IP address or `localhost`. Where no token is
            needed, a page could else let its own name point here (DNS rebinding).
    """

    allowed: frozenset[str] = frozenset()
    local: bool = False
    literal: bool = False

    def allows(self, origin: str, host: str) -> bool:
        """Return whether a page of `origin` may talk to us, who were called as `host`."""
        if not origin or origin in self.allowed or ANY in self.allowed:
            return True
        if self.local and _LOCAL.fullmatch(origin):
            return True
        ours = f"http://{host.lower()}", f"https://{host.lower()}"
        return origin in ours and (not self.literal or _is_literal(host))


def parse(text: str) -> frozenset[str]:
    """Return the origins in a list separated by commas. Raises ValueError."""
    found = frozenset(part.strip() for part in text.split(",") if part.strip())
    for origin in found - {ANY, OPAQUE}:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(
                f"{origin!r} is no origin: write scheme and host as browsers send them, in small "
                "letters and without a path, for example https://app.example.com"
            )
    return found


def _is_literal(host: str) -> bool:
    name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
    if name.lower() == "localhost":
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True
