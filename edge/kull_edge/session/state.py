"""Where a session stands, and its deadlines. PURE.

hello ──HELLO──▶ attaching ──Subscribed──▶ open ──▶ closed
  (only without a token in the request)
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple


class State(Enum):
    """See the picture above."""

    HELLO = auto()
    ATTACHING = auto()
    OPEN = auto()
    CLOSED = auto()


class TimerKind(Enum):
    """The deadlines of a session."""

    HELLO = auto()
    ATTACH = auto()
    KEEPALIVE = auto()
    EXPIRY = auto()
    END = auto()
    LEAVE = auto()


class SessionTimer(NamedTuple):
    """Key of a session's deadline."""

    session_id: int
    kind: TimerKind
