"""A router's health and counters, for whoever looks every few seconds."""

from __future__ import annotations

from typing import Final

from kull_protos.common.measures import OTHER, Counts
from kull_protos.mesh.v1 import admin_pb2 as pb
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
            counters=_counters(core),
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
    return pb.Backlog(
        devices=found.devices, positions=found.positions, partial=found.after is not None
    )


def _counters(core: RouterCore) -> pb.Counters:
    counted, sessions = core.measures.events, core.measures.sessions
    publishers = counted.unaddressed
    most = sorted(publishers.items(), key=lambda each: -each[1])[:MOST_PUBLISHERS]
    return pb.Counters(
        stored=counted.events.sum_of(outcome="stored"),
        duplicates=counted.events.sum_of(outcome="duplicate"),
        stale=counted.events.sum_of(outcome="stale"),
        pushes=counted.pushes.value,
        gaps=counted.dropped.value,
        dead_letters=counted.dead_letters.value,
        readdressed=counted.readdressed.value,
        refused=_by_code(sessions.refused),
        evicted=_by_code(sessions.evicted),
        unaddressed=dict(most),
    )


def _by_code(counts: Counts) -> dict[int, int]:
    samples = ((sample.labels[0], int(sample.value)) for sample in counts.read().samples)
    return {int(code): count for code, count in samples if count and code != OTHER}
