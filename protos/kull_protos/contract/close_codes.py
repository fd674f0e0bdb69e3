"""WebSocket close codes, and what a client does after each. PURE.

The ranges decide, not the names: a newer server may use codes that are not in this table.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

FIRST: Final = 4000  # from here a client connects again
FIRST_STOP: Final = 4500  # from here it does not
LAST: Final = 4999

UNSUPPORTED_DATA: Final = 1003
POLICY_VIOLATION: Final = 1008
# Of the standard codes; after all others a client connects again.
STANDARD_STOP: Final = frozenset({1000, 1002, 1003, 1007, 1008, 1009, 1010})

TRY_AGAIN: Final = 0  # of a router to an edge instead of a close code: the device stays connected


class CloseCode(IntEnum):
    """One row of the table: the number, and what it means to whoever reads it."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> CloseCode:
        """Make a member that is its number."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    RECONNECT = 4000, "the edge is leaving or cut off, see RECONNECT"
    ATTACH_TIMEOUT = 4001, "no router could take the session in time"
    OVERLOADED = 4002, "the edge has no room for another connection"
    HELLO_TIMEOUT = 4003, "no HELLO in time"
    RESUBSCRIBE = 4004, "the session lost its router and cannot be moved"
    TOO_MANY_ATTEMPTS = 4005, "the user connects too often; the reason says how long to wait"
    BAD_TOKEN = 4500, "the token is malformed, forged or for another service"
    TOKEN_EXPIRED = 4501, "get a new token"
    NO_TOKEN = 4502, "no token was given"
    REPLACED = 4503, "the same device has connected again; the newer connection wins"
    DISCONNECTED = 4504, "an operator or a log-out ended the session"
    TOO_MANY_ERRORS = 4505, "too many bad messages"
    TOO_MANY_DEVICES = 4506, "the user has as many devices connected as may be"
    REVOKED = 4507, "the token was revoked: log in again"

    @property
    def label(self) -> str:
        """The name in documents, which is also the code of the ERROR frame that comes before."""
        return self.name.lower()


_BY_NUMBER: Final = {int(code): code for code in CloseCode}


def find(code: int) -> CloseCode | None:
    """Return the row of a number, None if the table has none."""
    return _BY_NUMBER.get(code)


def may_reconnect(code: int) -> bool:
    """Return whether connecting again after this close code makes sense."""
    if FIRST <= code <= LAST:
        return code < FIRST_STOP
    return code not in STANDARD_STOP
