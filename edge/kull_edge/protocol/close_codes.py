"""Close codes and what a client does after each. PURE.

The table is the one of docs/protocol.md; a test compares them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class CloseCode:
    """One row of the table: `name` is also the code of the ERROR frame that comes before."""

    code: int
    name: str
    meaning: str


RECONNECT: Final = CloseCode(4000, "reconnect", "the edge is leaving or cut off, see RECONNECT")
ATTACH_TIMEOUT: Final = CloseCode(
    4001, "attach_timeout", "no router could take the session in time"
)
OVERLOADED: Final = CloseCode(4002, "overloaded", "the edge has no room for another connection")
HELLO_TIMEOUT: Final = CloseCode(4003, "hello_timeout", "no HELLO within 5 s")
RESUBSCRIBE: Final = CloseCode(
    4004, "resubscribe", "the session lost its router and cannot be moved"
)
TOO_MANY_ATTEMPTS: Final = CloseCode(
    4005, "too_many_attempts", "the user connects too often; the reason says how long to wait"
)
BAD_TOKEN: Final = CloseCode(
    4500, "bad_token", "the token is malformed, forged or for another service"
)
TOKEN_EXPIRED: Final = CloseCode(4501, "token_expired", "get a new token")
NO_TOKEN: Final = CloseCode(4502, "no_token", "no token was given")
REPLACED: Final = CloseCode(
    4503, "replaced", "the same device has connected again; the newer connection wins"
)
DISCONNECTED: Final = CloseCode(4504, "disconnected", "an operator or a log-out ended the session")
TOO_MANY_ERRORS: Final = CloseCode(4505, "too_many_errors", "too many bad frames")
TOO_MANY_DEVICES: Final = CloseCode(
    4506, "too_many_devices", "the user has 32 devices connected already"
)
REVOKED: Final = CloseCode(4507, "revoked", "the token was revoked: log in again")

TABLE: Final = {
    row.code: row
    for row in (
        RECONNECT,
        ATTACH_TIMEOUT,
        OVERLOADED,
        HELLO_TIMEOUT,
        RESUBSCRIBE,
        TOO_MANY_ATTEMPTS,
        BAD_TOKEN,
        TOKEN_EXPIRED,
        NO_TOKEN,
        REPLACED,
        DISCONNECTED,
        TOO_MANY_ERRORS,
        TOO_MANY_DEVICES,
        REVOKED,
    )
}

UNSUPPORTED_DATA: Final = 1003
POLICY_VIOLATION: Final = 1008
STANDARD_STOP: Final = frozenset({1000, 1002, 1003, 1007, 1008, 1009, 1010})


def retry(code: int) -> bool:
    """Return whether a client connects again after this code; the ranges decide, not the names."""
    if 4000 <= code <= 4999:
        return code < 4500
    return code not in STANDARD_STOP
