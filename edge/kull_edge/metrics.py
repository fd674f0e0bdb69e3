"""What an edge tells Prometheus: what it counts, and what it looks up when it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sized
from typing import Final

from prometheus_client import CollectorRegistry

from kull_edge.hub import Hub
from kull_edge.link.port import RouterLink
from kull_edge.measures.connections import ConnectionMeasures
from kull_protos.common.measures import Gauge, Gauges, Measure, Metric, gauge, measures_of
from kull_protos.serving import exposition

GAUGES: Final[tuple[tuple[Metric, Callable[[Hub], float]], ...]] = (
    (gauge("kull_edge_sessions", "WebSockets with a session"), lambda hub: hub.session_count),
    (gauge("kull_edge_queues", "Queues with a session here"), lambda hub: hub.queue_count),
    (
        gauge("kull_edge_catching_up", "Subscriptions that are not live"),
        lambda hub: hub.catching_up(),
    ),
    (
        gauge("kull_edge_stale", "Subscriptions that no router serves although one has"),
        lambda hub: hub.stale_count,
    ),
    (gauge("kull_edge_links", "Open streams to routers"), lambda hub: hub.link_count),
    (
        gauge("kull_edge_flight_recorder_bytes", "Memory of what `kull why` is told"),
        lambda hub: hub.recorder_bytes,
    ),
)
CONNECTIONS: Final = gauge(
    "kull_edge_connections", "TCP connections, those before their handshake included"
)
LINK_QUEUE: Final = gauge(
    "kull_edge_link_queue_bytes", "Bytes of frames that wait for routers, all together"
)
IN_FLIGHT: Final = gauge(
    "kull_edge_requests_in_flight",
    "Requests to routers that are not answered",
    kind=("subscribe", "fetch"),
)
WAITING: Final = gauge(
    "kull_edge_requests_waiting",
    "Requests that wait for a credit: of a herd that connects again, or catches up",
    kind=("subscribe", "fetch"),
)


class EdgeMetrics:
    """The metrics of one edge, `node`. Several may share a process."""

    def __init__(
        self, node: str, hub: Hub, links: Iterable[RouterLink], connections: Sized
    ) -> None:
        self.node = node
        self.connections = ConnectionMeasures()
        self.measures: list[Measure] = measures_of(self.connections, hub.measures)
        self.measures += [Gauge(metric, _bound(ask, hub)) for metric, ask in GAUGES]
        self.measures += [
            Gauge(CONNECTIONS, lambda: len(connections)),
            Gauge(LINK_QUEUE, lambda: sum(link.waiting_bytes for link in links)),
            Gauges(IN_FLIGHT, lambda: _first(hub)),
            Gauges(WAITING, lambda: _second(hub)),
        ]

    def registry(self) -> CollectorRegistry:
        """Return a registry with these metrics and those of the process."""
        return exposition.registry(lambda: [("", self.measures)])


def _bound(ask: Callable[[Hub], float], hub: Hub) -> Callable[[], float]:
    return lambda: ask(hub)


def _first(hub: Hub) -> Mapping[str, float]:
    return {kind: used for kind, (used, _) in hub.requests().items()}


def _second(hub: Hub) -> Mapping[str, float]:
    return {kind: waiting for kind, (_, waiting) in hub.requests().items()}
