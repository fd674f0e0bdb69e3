"""What the pure core wants done: by the sockets, the links, or (first five) by the hub. PURE."""

from __future__ import annotations

from dataclasses import dataclass, field

from kull_edge.protocol.outgoing import OutFrame
from kull_protos.mesh.v1.attach_pb2 import AttachRequest


@dataclass(frozen=True, slots=True)
class Join:
    """The session wants to follow the queue of this address (session → hub)."""

    address: str


@dataclass(frozen=True, slots=True)
class Part:
    """The session does not follow the queue of this address any more (session → hub)."""

    address: str


@dataclass(frozen=True, slots=True)
class PublishWish:
    """The device sent a message for its user's other devices (session → hub)."""

    request_id: int
    type: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class RefreshWish:
    """The session's routers shall know its new token: the user's own, or all others (→ hub)."""

    token: str = field(repr=False)
    others: bool = False


@dataclass(frozen=True, slots=True)
class LogoutWish:
    """The user's router shall take the session's token back (session → hub)."""

    request_id: int


@dataclass(frozen=True, slots=True)
class Write:
    """Write these texts to the session's socket, in order."""

    session_id: int
    frames: tuple[OutFrame, ...]


@dataclass(frozen=True, slots=True)
class Ping:
    """Send a WebSocket ping."""

    session_id: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """Close the session's socket with the closing handshake; the hub has forgotten the session."""

    session_id: int
    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Cut:
    """Drop the session's connection: its peer is dead; the hub has forgotten the session."""

    session_id: int
    why: str


@dataclass(frozen=True, slots=True)
class Limited:
    """A device was told that it does too much of something: to be counted."""

    what: str


@dataclass(frozen=True, slots=True)
class ToRouter:
    """Send this frame over the link of that name."""

    link: str
    request: AttachRequest


@dataclass(frozen=True, slots=True)
class Leave:
    """An operator wants this edge to stop in order."""

    reason: str


Wish = Join | Part | PublishWish | RefreshWish | LogoutWish
Effect = Wish | Write | Ping | Close | Cut | Limited | ToRouter | Leave
