"""Where a session stands. PURE.

hello ──HELLO──▶ attaching ──Subscribed──▶ open ──▶ closed
  (only without a token in the request)
"""

from __future__ import annotations

from enum import Enum, auto


class State(Enum):
    """See the picture above."""

    HELLO = auto()
    ATTACHING = auto()
    OPEN = auto()
    CLOSED = auto()
