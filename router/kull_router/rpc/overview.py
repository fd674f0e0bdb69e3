"""A router's health and counters, for whoever looks every few seconds."""

from __future__ import annotations

from typing import Final

from kull_protos.mesh.v1 import admin_pb2 as pb
from kull_router import metrics
from kull_router.core import RouterCore
from kull_router.queues.port import Backlog
from kull_router.rpc.views import Views

MOST_PUBLISHERS: Final = 20  # that are named


class Overview:
    """Reads counters; measures nothing itself."""

    def __init__(self, core: RouterCore, views: Views) -> None:
        self._core = core
        self._views = views
        self._started_ms = core.clock.wall_ms()

    def now(self) -> pb.OverviewResponse:
        """Return how this router is."""
        core = self._core
        measured = core.vitals.latest()
        answer = pb.OverviewResponse(
            router=self._views.router(),
            edges=self._views.edges(),
            now=core.clock.wall_ms(),
            started_at=self._started_ms,
            sessions=len(core.sessions.registry),
            counters=_counters(),
            store=pb.Health(
                ok=not measured.store_problem,
                problem=measured.store_problem,
                micros=round((measured.store_seconds or 0) * 1e6),
            ),
            broker=pb.Health(
                ok=core.broker.connected and not core.broker.blocked,
                problem="" if core.broker.connected else "not connected, or queues are missing",
                blocked=core.broker.blocked,
            ),
            dead_waiting=measured.dead,
            unrouted_waiting=measured.unrouted,
        )
        if measured.backlog:
            answer.backlog.CopyFrom(backlog(measured.backlog))
        return answer


def backlog(found: Backlog) -> pb.Backlog:
    """Return what devices have not acknowledged."""
    return pb.Backlog(devices=found.devices, positions=found.positions)


def _counters() -> pb.Counters:
    events = metrics.by_label(metrics.EVENTS)
    publishers = metrics.by_label(metrics.READDRESSED)
    most = sorted(publishers.items(), key=lambda each: -each[1])[:MOST_PUBLISHERS]
    return pb.Counters(
        stored=events.get("stored", 0),
        duplicates=events.get("duplicate", 0),
        stale=events.get("stale", 0),
        pushes=metrics.total(metrics.PUSHES),
        gaps=metrics.total(metrics.GAPS),
        dead_letters=metrics.dead_letters(),
        readdressed=sum(publishers.values()),
        refused={int(code): count for code, count in metrics.by_label(metrics.REFUSED).items()},
        evicted={int(code): count for code, count in metrics.by_label(metrics.EVICTED).items()},
        unaddressed=dict(most),
    )
