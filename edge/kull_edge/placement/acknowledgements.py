"""Acknowledgements on their way: one at once, then collected, one frame per router. PURE."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from kull_edge.placement.sessions import Sessions
from kull_edge.session.effects import Effect, ToRouter
from kull_edge.session.subscription import SubscriptionKey
from kull_edge.timers import Timers
from kull_protos.mesh.v1 import attach_pb2 as pb


class AckTimer(Enum):
    """Key of the deadline by which they leave, or may leave at once again."""

    FLUSH = auto()


class Acknowledgements:
    """The newest position of each subscription that has moved.

    Args:
        delay: seconds between two frames.
        batch: as many do not wait.
    """

    def __init__(
        self, sessions: Sessions, timers: Timers[Any], *, delay: float, batch: int
    ) -> None:
        self._sessions = sessions
        self._timers = timers
        self._delay = delay
        self._batch = batch
        self._positions: dict[SubscriptionKey, int] = {}
        self._collecting = False

    def moved(self, key: SubscriptionKey, seq: int, now: float) -> list[Effect]:
        """The device has processed everything up to `seq`."""
        self._positions[key] = seq
        if self._collecting and len(self._positions) < self._batch:
            return []
        return self.due(now)

    def due(self, now: float) -> list[Effect]:
        """Send what waits, and collect what follows."""
        self._collecting = bool(self._positions)
        out = self.flush()
        if self._collecting:
            self._timers.schedule(AckTimer.FLUSH, now + self._delay)
        return out

    def take(self, key: SubscriptionKey) -> bool:
        """Take what waits for one subscription out; return whether there was anything."""
        return self._positions.pop(key, None) is not None

    def flush(self) -> list[Effect]:
        """Send what waits."""
        by_link: dict[str, pb.Acks] = {}
        for key, seq in self._positions.items():
            found = self._sessions.find(key)
            # Without an owner there is nobody to tell; the next Subscribe carries the position.
            if found and (link := found.subscription.link):
                acks = by_link.setdefault(link, pb.Acks())
                acks.acks.append(pb.Ack(session_id=key.session_id, address=key.address, seq=seq))
        self._positions.clear()
        return [ToRouter(link, pb.AttachRequest(acks=acks)) for link, acks in by_link.items()]
