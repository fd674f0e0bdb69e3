"""What a session says to its device, as effects. PURE."""

from __future__ import annotations

from collections.abc import Callable

from kull_edge.protocol.messages import Ref
from kull_edge.protocol.outgoing import OutMessage
from kull_edge.protocol.server_messages import (
    Data,
    Envelope,
    Fresh,
    Reconnect,
    Stale,
    Type,
    queue_name,
)
from kull_edge.session.effects import Effect, Write
from kull_protos.contract.error_codes import ErrorCode


class Replies:
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

    def message(self, kind: Type, data: Data) -> list[Effect]:
        """Write a message of this type."""
        return self._write(self._envelope().message(kind, data))

    def notice(self, kind: Type, data: Data) -> list[Effect]:
        """Write it to a device that speaks v2; the plain dialect has no such messages."""
        return self.message(kind, data) if self._v2 else []

    def encoded(self, kind: Type, data: str) -> list[Effect]:
        """Write a message whose data is JSON already."""
        return self._write(self._envelope().encoded(kind, data))

    def error(self, code: str, message: str, ref: Ref = None) -> list[Effect]:
        """Write an ERROR; the session goes on."""
        return self._write(self._envelope().error(code, message, ref))

    def unavailable(self, ref: Ref) -> list[Effect]:
        """Write that what the device asked for was not done, and that it may ask again."""
        return self.error(ErrorCode.UNAVAILABLE, "it could not be stored now, send it again", ref)

    def accepted(self, event_id: str, ref: Ref) -> list[Effect]:
        """Write the answer to a message that became an event, if the dialect has one."""
        return self._write(self._envelope().accepted(event_id, ref)) if self._v2 else []

    def refreshed(self, expires_ms: int, ref: Ref) -> list[Effect]:
        """Write that the new token counts."""
        return self._write(self._envelope().refreshed(expires_ms, ref))

    def reconnect(self, slot: float) -> list[Effect]:
        """Write in how many seconds the device is to go to another edge."""
        return self.message("RECONNECT", Reconnect(after=round(1000 * slot)))

    def stale(self, address: str, seconds: float) -> list[Effect]:
        """Write that no router has served a queue for so long: what is shown of it may be old."""
        since = self._wall_ms() - round(1000 * seconds)
        return self.notice("STALE", Stale(queue=queue_name(address), since=since))

    def fresh(self, address: str) -> list[Effect]:
        """Write that the queue is served again, and that what was missed follows."""
        return self.notice("FRESH", Fresh(queue=queue_name(address)))

    def _envelope(self) -> Envelope:
        return Envelope(user_id=self.user_id, timestamp=self._wall_ms())

    def _write(self, message: OutMessage) -> list[Effect]:
        return [Write(self._session_id, (message,))]
