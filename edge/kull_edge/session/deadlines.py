"""The deadlines of a session, in the edge's one heap. PURE."""

from __future__ import annotations

from enum import IntEnum, auto
from typing import Any, NamedTuple

from kull_edge.timers import Timers


class Deadline(IntEnum):  # a number is found in a dict much faster than an Enum
    """What a session has deadlines for."""

    HELLO = auto()  # the first message
    ATTACH = auto()  # a router that takes the session
    KEEPALIVE = auto()  # a sign of life
    EXPIRY = auto()  # of the token, where the session goes on for a while
    END = auto()  # of the token, or of that while
    DRAIN = auto()  # the device's slot to go to another edge


class SessionTimer(NamedTuple):
    """Key of a session's deadline in the heap."""

    session_id: int
    deadline: Deadline


class Deadlines:
    """At most one of each; times are seconds of a monotonic clock."""

    __slots__ = ("_session_id", "_timers")

    def __init__(self, session_id: int, timers: Timers[Any]) -> None:
        self._session_id = session_id
        self._timers = timers

    def set(self, deadline: Deadline, at: float) -> None:
        """Set it, or set it anew."""
        self._timers.schedule(SessionTimer(self._session_id, deadline), at)

    def cancel(self, *deadlines: Deadline) -> None:
        """Forget these; without any: all."""
        for deadline in deadlines or Deadline:
            self._timers.cancel(SessionTimer(self._session_id, deadline))
