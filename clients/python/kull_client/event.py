"""What an application sees. PURE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

USER_QUEUE: Final = "user"
RECOVERY_LOST: Final = "RECOVERY_LOST"
LEFT: Final = "LEFT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened.

    Attributes:
        type: e.g. `CREDIT_UPDATE`. `RECOVERY_LOST` means that events of `queue` are gone for this
            device: fetch your state anew, what follows is complete again. `LEFT` means that the
            server has ended following the room `queue`, `reason` in `data` says why.
        data: as on the wire, camelCase.
        seq: position in its queue, None for what is not stored.
        queue: `user` (the user's own), `all` or `room:<name>`.
        id: the same for every delivery of the same event.
        timestamp: milliseconds since the Unix epoch.
        device_id: the device that caused it, or `server`.
        user_id: whom it is for; empty in broadcasts.
        sender: the user whose device has sent it into a room; empty: a publisher's.
        traceparent: of the step that has stored it (W3C Trace Context), for what is done because of
            it; empty: it is not traced, or was read later from its queue.
    """

    type: str
    data: Mapping[str, Any]
    seq: int | None = None
    queue: str = USER_QUEUE
    id: str = ""
    timestamp: int = 0
    device_id: str = "server"
    user_id: str = ""
    sender: str = ""
    traceparent: str = ""

    @property
    def is_notice(self) -> bool:
        """Whether this client says it itself: a publisher's event may have the same type."""
        return self.seq is None and not self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A connected device of the user. `connected_at` is in ms since the Unix epoch."""

    device_id: str
    platform: str = ""
    device_name: str = ""
    connected_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far this device has processed its queues: keep it to continue there later.

    Attributes:
        epoch: identity of the server's logs; positions of another epoch mean nothing.
        after: per queue the last processed seq.
    """

    epoch: str = ""
    after: Mapping[str, int] = field(default_factory=dict)
