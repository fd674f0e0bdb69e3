"""What the core wants done: by a session's routers (a wish), the sockets, the links. PURE."""

from __future__ import annotations

from dataclasses import dataclass, field

from kull_edge.protocol.outgoing import OutMessage
from kull_edge.session.subscription import Subscription
from kull_protos.mesh.v1.attach_pb2 import AttachRequest, Place

# Wishes of a session; the hub makes frames for routers of them


@dataclass(frozen=True, slots=True)
class Subscribe:
    """The session begins to follow a queue."""

    subscription: Subscription


@dataclass(frozen=True, slots=True)
class Release:
    """The session does not follow the queue any more, and has forgotten the subscription.

    left: the device has said so; else it may come again soon.
    """

    subscription: Subscription
    left: bool = False


@dataclass(frozen=True, slots=True)
class PublishWish:
    """The device sent a message for its user's other devices, or for a room.

    `address`, `event`: of SEND, the room and the event's type.
    """

    request_id: int
    type: str
    payload: bytes
    traceparent: str = ""
    address: str = ""
    event: str = ""


@dataclass(frozen=True, slots=True)
class StateWish:
    """The device has said another state of its user in a room."""

    address: str
    place: Place


@dataclass(frozen=True, slots=True)
class RefreshWish:
    """The session's routers shall know its new token: the user's own, or all others."""

    token: str = field(repr=False)
    others: bool = False


@dataclass(frozen=True, slots=True)
class LogoutWish:
    """The user's router shall take the session's token back."""

    request_id: int


@dataclass(frozen=True, slots=True)
class SignOutWish:
    """The user's router shall sign a device of the user out."""

    request_id: int
    device_id: str


@dataclass(frozen=True, slots=True)
class WatchWish:
    """The routers shall know whom the session watches now."""


# For the sockets


@dataclass(frozen=True, slots=True)
class Write:
    """Write these messages to the session's socket, in order."""

    session_id: int
    messages: tuple[OutMessage, ...]


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


# For the links


@dataclass(frozen=True, slots=True)
class ToRouter:
    """Send this frame over the link of that name."""

    link: str
    request: AttachRequest


# For whoever runs the edge: counted, logged, obeyed


@dataclass(frozen=True, slots=True)
class Opened:
    """A router has taken a device's token: its connection is worth keeping.

    `outcome`: `first`, `recovered` or `not_recovered`; `seconds`: since the WebSocket was open.
    """

    session_id: int
    outcome: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Limited:
    """A device was told that it does too much of something: to be counted."""

    what: str


@dataclass(frozen=True, slots=True)
class RouterDrains:
    """A router announced that it goes away; its shards will be claimed by another: to be logged."""

    link: str


@dataclass(frozen=True, slots=True)
class UnexpectedFrame:
    """A router sent a frame that this edge does not know and has skipped: to be logged."""

    link: str
    kind: str


@dataclass(frozen=True, slots=True)
class DrainAsked:
    """An operator wants this edge to go away in order."""

    reason: str


Wish = (
    Subscribe
    | Release
    | PublishWish
    | StateWish
    | RefreshWish
    | LogoutWish
    | SignOutWish
    | WatchWish
)
ForDevice = Write | Ping | Close | Cut
Report = Opened | Limited | RouterDrains | UnexpectedFrame | DrainAsked
Effect = Wish | ForDevice | ToRouter | Report
