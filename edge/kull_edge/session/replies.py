"""What a session says to its device, as effects. PURE."""

from __future__ import annotations

from collections.abc import Callable

from kull_edge.protocol.messages import Ref
from kull_edge.protocol.outgoing import OutFrame
from kull_edge.protocol.server_messages import Data, Envelope, Type
from kull_edge.session.effects import Effect, Write


class Voice:
    """The control messages of one session; what comes from queues is not its business.

    Attributes:
        user_id: whose session it is; empty until that is known.
    """

    __slots__ = ("_session_id", "_v2", "_wall_ms", "user_id")

    def __init__(self, session_id: int, *, v2: bool, wall_ms: Callable[[], int]) -> None:
        self.user_id = ""
        self._session_id = session_id
        self._v2 = v2
        self._wall_ms = wall_ms

    def envelope(self) -> Envelope:
        """Return what every message carries, as of now."""
        return Envelope(user_id=self.user_id, timestamp=self._wall_ms())

    def say(self, *texts: OutFrame) -> list[Effect]:
        """Write these."""
        return [Write(self._session_id, texts)] if texts else []

    def message(self, kind: Type, data: Data) -> list[Effect]:
        """Write a message of this type."""
        return self.say(self.envelope().message(kind, data))

    def notice(self, kind: Type, data: Data) -> list[Effect]:
        """Write it to a device that speaks v2; the plain dialect has no such messages."""
        return self.message(kind, data) if self._v2 else []

    def error(self, code: str, message: str, ref: Ref = None) -> list[Effect]:
        """Write an ERROR; the session goes on."""
        return self.say(self.envelope().error(code, message, ref))

    def accepted(self, event_id: str, ref: Ref) -> list[Effect]:
        """Write the answer to a message that became an event, if the dialect has one."""
        return self.say(self.envelope().accepted(event_id, ref)) if self._v2 else []
