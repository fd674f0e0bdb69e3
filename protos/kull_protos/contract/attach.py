"""How edges and routers share the Attach stream between them. PURE."""

from __future__ import annotations

from typing import Final

MESSAGE_BYTES: Final = 256 * 1024  # frames that wait share a message, until they have so many
