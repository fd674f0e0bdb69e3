"""What to do after a close code. PURE.

The ranges decide, not the names: a newer server may use codes that are not in this table.
"""

from __future__ import annotations

from typing import Final

TOKEN_EXPIRED: Final = 4501
REPLACED: Final = 4503
DISCONNECTED: Final = 4504

NAMES: Final = {
    4000: "reconnect",
    4001: "attach_timeout",
    4002: "overloaded",
    4003: "hello_timeout",
    4004: "resubscribe",
    4005: "too_many_attempts",
    4500: "bad_token",
    4501: "token_expired",
    4502: "no_token",
    4503: "replaced",
    4504: "disconnected",
    4505: "too_many_errors",
    4506: "too_many_devices",
    4507: "revoked",
}
STANDARD_STOP: Final = frozenset({1000, 1002, 1003, 1007, 1008, 1009, 1010})


def may_reconnect(code: int) -> bool:
    """Return whether connecting again after this close code makes sense."""
    if 4000 <= code <= 4999:
        return code < 4500
    return code not in STANDARD_STOP
