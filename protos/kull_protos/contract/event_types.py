"""What an event type may be called on the wire. PURE."""

from __future__ import annotations

import re
from typing import Final

# What the protocol (docs/protocol.md), the HTTP API and the SDKs say themselves: an event type
# called so would be taken for it.
RESERVED: Final = frozenset({
    "ACCEPTED", "ACK", "DEVICE_CONNECTED", "DEVICE_DISCONNECTED", "ERROR", "EVENT", "FRESH",
    "HELLO", "JOIN", "JOINED", "LEAVE", "LEFT", "LOGOUT", "PING", "PONG", "PRESENCE",
    "RECONNECT", "RECOVERY_LOST", "REFRESH", "REFRESHED", "SEND", "SIGN_OUT", "STALE", "STATE",
    "STATE_CHANGE", "STATUS", "TOKEN", "TOKEN_EXPIRED", "TYPING", "UPDATE_PROGRESS", "WATCH",
    "WELCOME",
})  # fmt: skip
DEVICE_CONNECTED: Final = "DEVICE_CONNECTED"
DEVICE_DISCONNECTED: Final = "DEVICE_DISCONNECTED"
PRESENCE: Final = frozenset({DEVICE_CONNECTED, DEVICE_DISCONNECTED})  # routers say and store them
EPHEMERAL: Final = frozenset({"TYPING"})  # but routers say this to a room, and never store it
PATTERN: Final = "[A-Z][A-Z0-9_]{0,63}"
_NAME: Final = re.compile(PATTERN)


def is_event_type(name: str) -> bool:
    """Tell whether an event may be of this type: up to 64 of A-Z, 0-9 and _, not reserved."""
    return _NAME.fullmatch(name) is not None and name not in RESERVED
