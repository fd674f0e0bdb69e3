"""What every HTTP answer says to browsers. PURE."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# Of answers that are no pages: nothing in them is loaded, run or framed. Who looks at one may still
# try our WebSockets and triggers in the browser's console.
CONNECT: Final = "connect-src 'self' ws: wss:"
SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": f"default-src 'none'; {CONNECT}; frame-ancestors 'none'",
}
HEADER_LINES: Final = "".join(f"{name}: {value}\r\n" for name, value in SECURITY_HEADERS.items())
