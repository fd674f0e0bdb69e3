"""The last minutes as points of curves, from counters that only grow. PURE."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from kull_console.mesh.snapshot import Answers, code_name
from kull_protos.mesh.v1 import admin_pb2 as pb

MINUTES: Final = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What happened since the point before; rates are per second, `seconds` long on the whole.

    `number` grows by one from point to point. `refused`, `closed`: how often, by close code.
    """

    number: int
    at: int  # milliseconds since the Unix epoch
    seconds: float
    sessions: int
    events: float
    deliveries: float
    dead: float
    behind: int | None
    refused: dict[int, int] = field(default_factory=dict)
    closed: dict[int, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return it for a page."""
        return {
            "number": self.number,
            "at": self.at,
            "sessions": self.sessions,
            "events": round(self.events, 2),
            "deliveries": round(self.deliveries, 2),
            "dead": round(self.dead, 3),
            "behind": self.behind,
            "refused": sum(self.refused.values()),
            "closed": sum(self.closed.values()),
        }


class History:
    """A ring of points: as many as fit into MINUTES, if there is one each `every` seconds."""

    def __init__(self, *, every: float) -> None:
        self._per_minute = max(1, round(60 / every))
        self._points: deque[Point] = deque(maxlen=MINUTES * self._per_minute)
        self._last: dict[tuple[str, int], pb.OverviewResponse] = {}  # by router and its start
        self._last_at = 0.0
        self._number = 0

    def add(self, answers: Answers, now: float, at_ms: int) -> Point | None:
        """Add what the routers answered at a moment; None: it is the first, others count from it.

        now: seconds on a clock that only grows.
        """
        current = {(one.router.router_id, one.started_at): one for one in answers.values()}
        seconds = now - self._last_at
        first, last = not self._last_at, self._last
        self._last, self._last_at = {**current}, now
        if first or seconds <= 0:
            return None
        grown = [(one.counters, last.get(key)) for key, one in current.items()]
        self._number += 1
        point = Point(
            number=self._number,
            at=at_ms,
            seconds=seconds,
            sessions=sum(one.sessions for one in current.values()),
            events=_grown(grown, lambda counters: counters.stored) / seconds,
            deliveries=_grown(grown, lambda counters: counters.pushes) / seconds,
            dead=_grown(grown, lambda counters: counters.dead_letters) / seconds,
            behind=next(
                (one.backlog.devices for one in current.values() if one.HasField("backlog")), None
            ),
            refused=_grown_by_code(grown, lambda counters: counters.refused),
            closed=_grown_by_code(grown, lambda counters: counters.evicted),
        )
        self._points.append(point)
        return point

    def since(self, number: int) -> list[Point]:
        """Return the points behind one, oldest first; 0: all that are kept."""
        return [each for each in self._points if each.number > number]

    def codes(self) -> list[dict[str, Any]]:
        """Return how often sessions were refused and closed within the ring, by code.

        `minutes`: both together, in each of the last MINUTES, the newest last.
        """
        refused, closed = Counter[int](), Counter[int]()
        for each in self._points:
            refused.update(each.refused)
            closed.update(each.closed)
        return [
            {
                "code": code,
                "name": code_name(code),
                "refused": refused[code],
                "closed": closed[code],
                "minutes": self._minutes(code),
            }
            for code in sorted(refused.keys() | closed.keys())
        ]

    def _minutes(self, code: int) -> list[int]:
        counts = [0] * MINUTES
        for before, each in enumerate(reversed(self._points)):
            minute = MINUTES - 1 - before // self._per_minute
            counts[minute] += each.refused.get(code, 0) + each.closed.get(code, 0)
        return counts


_Grown = list[tuple[pb.Counters, pb.OverviewResponse | None]]


def _grown(pairs: _Grown, read: Callable[[pb.Counters], int]) -> int:
    """A router that is new, or was away, has no last answer: what it counted before is not new."""
    return sum(max(0, read(now) - read(before.counters)) for now, before in pairs if before)


def _grown_by_code(pairs: _Grown, read: Callable[[pb.Counters], Any]) -> dict[int, int]:
    found = Counter[int]()
    for now, before in pairs:
        if before:
            known = read(before.counters)
            found.update({code: max(0, n - known.get(code, 0)) for code, n in read(now).items()})
    return {code: count for code, count in found.items() if count}
