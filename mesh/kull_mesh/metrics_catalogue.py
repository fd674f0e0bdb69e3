"""Every metric that a role declares, for whoever documents them or checks queries against them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Final

import kull_console.measures
import kull_edge.measures.connections
import kull_edge.measures.deliveries
import kull_edge.metrics
import kull_gateway.metrics
import kull_mesh.doctor.probe
import kull_mesh.up_metrics
import kull_producers.outbox.watch
import kull_producers.publishing.stats
import kull_router.measures.events
import kull_router.measures.rooms
import kull_router.measures.sessions
import kull_router.measures.status
import kull_router.measures.store
import kull_router.metrics
from kull_producers import measures as copied
from kull_protos.common.measures import Metric

METRICS: Final = (Metric, copied.Metric)  # the same, once for each package


def declared(module: ModuleType) -> Iterator[Metric | copied.Metric]:
    """Yield the metrics that a module declares: as constants, or in tables with how to ask."""
    for value in vars(module).values():
        if isinstance(value, METRICS):
            yield value
        elif isinstance(value, tuple):
            for row in value:
                if isinstance(row, tuple) and isinstance(row[0], METRICS):
                    yield row[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Who has metrics, where they are read, and the modules that declare them."""

    name: str
    where: str
    modules: tuple[ModuleType, ...]

    @property
    def metrics(self) -> list[Metric | copied.Metric]:
        """The metrics, in the order of their declaration."""
        return [metric for module in self.modules for metric in declared(module)]


ROLES: Final = (
    Role(
        name="Router",
        where="`KULL_METRICS_PORT`",
        modules=(
            kull_router.measures.events,
            kull_router.measures.rooms,
            kull_router.measures.sessions,
            kull_router.measures.store,
            kull_router.measures.status,
            kull_router.metrics,
        ),
    ),
    Role(
        name="Edge",
        where="`KULL_EDGE_METRICS_PORT`; with `--workers` each has the next one",
        modules=(
            kull_edge.measures.connections,
            kull_edge.measures.deliveries,
            kull_edge.metrics,
        ),
    ),
    Role(
        name="Gateway",
        where="`KULL_GATEWAY_METRICS_PORT`, with those of its publisher",
        modules=(kull_gateway.metrics,),
    ),
    Role(
        name="Publisher",
        where="`publisher.stats` (`SqlRelay.stats`); in a gateway beside its own",
        modules=(kull_producers.publishing.stats, kull_producers.outbox.watch),
    ),
    Role(
        name="Console",
        where="`KULL_CONSOLE_METRICS_PORT`",
        modules=(kull_console.measures,),
    ),
    Role(
        name="Doctor",
        where="`kull doctor --watch`, on `--port`",
        modules=(kull_mesh.doctor.probe,),
    ),
    Role(
        name="`kull up`",
        where="`/metrics` on its HTTP port, beside those of all its roles",
        modules=(kull_mesh.up_metrics,),
    ),
)


def by_name() -> dict[str, Metric | copied.Metric]:
    """Return the metrics of all roles by their names."""
    return {metric.name: metric for role in ROLES for metric in role.metrics}
