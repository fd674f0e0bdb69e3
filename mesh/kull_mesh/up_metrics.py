"""What `kull up` tells Prometheus: all of its roles at one address, for whoever may read it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from fastapi import FastAPI, Request, Response
from prometheus_client import CollectorRegistry

from kull_edge.node import Edge
from kull_gateway.auth import METRICS_READ, Authorize
from kull_gateway.metrics import GatewayMetrics
from kull_producers.exposition import MeasureCollector
from kull_protos.common.measures import OTHER, Counts, Gauge, Measure, counter, gauge, measures_of
from kull_protos.common.places import Places
from kull_protos.serving import exposition
from kull_router.node import Router

CUT: Final = counter(
    "kull_up_cut_total",
    "Connections of `kull up`, WebSockets and HTTP, that were cut for others, by the limit",
    limit=("descriptors", "waiting", "address", "total", OTHER),
)
CONNECTIONS: Final = gauge("kull_up_connections", "Connections of `kull up`, WebSockets and HTTP")


class UpMetrics:
    """The metrics of all roles of a process; those of its edges have the label `node`."""

    def __init__(self, gateway: GatewayMetrics) -> None:
        self.cut = Counts(CUT)
        self._connections = Gauge(CONNECTIONS, lambda: len(self._places) if self._places else 0)
        self._places: Places | None = None
        self._gateway = gateway
        self._router: Router | None = None
        self._edges: Sequence[Edge] = ()

    def of(self, router: Router, edges: Sequence[Edge], places: Places) -> None:
        """Look at these from now on; edges may still be added to the list."""
        self._router, self._edges, self._places = router, edges, places

    def _nodes(self) -> Iterable[tuple[str, Iterable[Measure]]]:
        yield "", measures_of(self)
        if self._router is not None:
            yield "", self._router.metrics.measures
        for edge in self._edges:
            yield edge.metrics.node, edge.metrics.measures

    def registry(self) -> CollectorRegistry:
        """Return a registry with these metrics and those of the process."""
        registry = exposition.registry(self._nodes)
        registry.register(MeasureCollector(lambda: [("", self._gateway.measures)]))
        return registry


def add(app: FastAPI, metrics: UpMetrics, authorize: Authorize) -> None:
    """Add `/metrics` to an app, for callers with the scope METRICS_READ.

    The port is that of devices and pages: what the mesh carries is not everybody's to know.
    """
    registry = metrics.registry()

    @app.get("/metrics", include_in_schema=False)
    async def scrape(request: Request) -> Response:
        """Return all metrics of this process."""
        authorize(request.headers.get("authorization", ""), METRICS_READ)
        return Response(exposition.text(registry), media_type=exposition.CONTENT_TYPE)
