"""All that one router counts. PURE."""

from __future__ import annotations

from dataclasses import dataclass, field

from kull_router.measures.events import EventMeasures
from kull_router.measures.rooms import RoomMeasures
from kull_router.measures.sessions import SessionMeasures
from kull_router.measures.status import StatusMeasures
from kull_router.measures.store import StoreMeasures


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterMeasures:
    """Each part is given the group that it counts in."""

    events: EventMeasures = field(default_factory=EventMeasures)
    sessions: SessionMeasures = field(default_factory=SessionMeasures)
    rooms: RoomMeasures = field(default_factory=RoomMeasures)
    store: StoreMeasures = field(default_factory=StoreMeasures)
    status: StatusMeasures = field(default_factory=StatusMeasures)
