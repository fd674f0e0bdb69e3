"""What a router tells Prometheus: what it counts, and what it looks up when it is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry

from kull_protos.common.measures import Gauge, Gauges, Measure, Metric, gauge, measures_of
from kull_protos.serving import exposition
from kull_router.core import RouterCore

REQUESTS: Final = ("subscribe", "fetch", "publish")


def _max_queue(core: RouterCore) -> float:
    return max((edge.waiting_bytes for edge in core.fanout.each()), default=0)


def _oldest(core: RouterCore) -> float | None:
    found = core.vitals.latest().backlog
    if found is None:
        return None
    return max(0, core.clock.age_ms() - found.since_ms) / 1000 if found.since_ms else 0


def _owned(core: RouterCore) -> float:
    return len(core.terms)


GAUGES: Final[tuple[tuple[Metric, Callable[[RouterCore], float | None]], ...]] = (
    (gauge("kull_router_owned_shards", "Shards that this router owns"), _owned),
    (
        gauge("kull_router_shards", "Shards of the deployment"),
        lambda core: core.settings.shard_count,
    ),
    (gauge("kull_router_edges", "Edges that are attached"), lambda core: len(core.fanout.each())),
    (
        gauge("kull_router_sessions", "Sessions of users whose shards are owned here"),
        lambda core: len(core.sessions.registry),
    ),
    (
        gauge("kull_router_subscriptions", "Queues that sessions follow, each once per session"),
        lambda core: len(core.subscriptions),
    ),
    (
        gauge("kull_router_rooms", "Rooms with members whose shards are owned here"),
        lambda core: len(core.rosters),
    ),
    (
        gauge("kull_router_room_members", "Their members, each once per room"),
        lambda core: core.rosters.members,
    ),
    (
        gauge("kull_router_watched_users", "Users of its shards whose status devices watch"),
        lambda core: len(core.status.watches.watchers),
    ),
    (
        gauge(
            "kull_router_presence_waiting",
            "Devices and users of which kull.presence is to be told something, or may be; "
            "0 unless KULL_PRESENCE_EVENTS is set",
        ),
        lambda core: core.status.waiting,
    ),
    (
        gauge("kull_router_send_queue_bytes", "Bytes of frames that wait for edges, all together"),
        lambda core: sum(edge.waiting_bytes for edge in core.fanout.each()),
    ),
    (
        gauge("kull_router_largest_send_queue_bytes", "The same of the edge with the most"),
        _max_queue,
    ),
    (
        gauge("kull_router_send_queue_limit_bytes", "Of one edge, above it pushes are dropped"),
        lambda core: core.settings.send_queue_bytes,
    ),
    (
        gauge("kull_router_cursors_waiting", "Positions of devices that are not written yet"),
        lambda core: len(core.cursors),
    ),
    (
        gauge("kull_router_flight_recorder_bytes", "Memory of what `kull why` is told"),
        lambda core: core.journal.occupancy[0],
    ),
    (
        gauge("kull_router_flight_recorder_seconds", "How far back it reaches"),
        lambda core: core.journal.occupancy[1],
    ),
    (
        gauge(
            "kull_router_rabbitmq_connected", "Whether RabbitMQ and its topology are there: 1 or 0"
        ),
        lambda core: core.broker.connected,
    ),
    (
        gauge(
            "kull_router_rabbitmq_blocked",
            "Whether RabbitMQ takes nothing, its memory or disk being short: 1 or 0",
        ),
        lambda core: core.broker.figures.blocked,
    ),
    (
        gauge(
            "kull_router_rabbitmq_unacknowledged",
            "Messages that RabbitMQ has handed out and this router has not acknowledged",
        ),
        lambda core: core.broker.figures.unacknowledged,
    ),
    (
        gauge("kull_router_rabbitmq_unacknowledged_bytes", "Bytes of their bodies"),
        lambda core: core.broker.figures.unacknowledged_bytes,
    ),
    (
        gauge(
            "kull_router_rabbitmq_ready",
            "Consumer lag: messages in the queues of all shards that were not handed out, at the "
            "last look (KULL_TOPOLOGY_INTERVAL). Every router sees the same: take the maximum",
        ),
        lambda core: core.broker.figures.ready,
    ),
    (
        gauge("kull_router_rabbitmq_dead", "Messages in kull.dead, seen by all alike"),
        lambda core: core.vitals.latest().dead,
    ),
    (
        gauge(
            "kull_router_devices_behind",
            "Devices known to the store, connected or not, that have not acknowledged all of their "
            "user's queue. Looked up after somebody has asked, every 15 s at most and for 5 s at "
            "most: then it is at least so many. Of the whole store: take the maximum",
        ),
        lambda core: found.devices if (found := core.vitals.latest().backlog) else None,
    ),
    (
        gauge(
            "kull_router_oldest_unacknowledged_seconds",
            "Age of the oldest entry that one of them has not acknowledged; 0: there is none",
        ),
        _oldest,
    ),
)
IN_FLIGHT: Final = gauge(
    "kull_router_requests_in_flight",
    "Requests of edges that are not answered; each edge has a number of credits",
    kind=REQUESTS,
)


def _in_flight(core: RouterCore) -> Mapping[str, float]:
    edges = core.fanout.each()
    return {
        "subscribe": sum(edge.subscribes.used for edge in edges),
        "fetch": sum(edge.fetches.used for edge in edges),
        "publish": sum(edge.publishes.used for edge in edges),
    }


class RouterMetrics:
    """The metrics of one router. Several may share a process."""

    def __init__(self, core: RouterCore) -> None:
        of = core.measures
        groups = (of.events, of.sessions, of.rooms, of.store, of.status)
        self.measures: list[Measure] = measures_of(*groups)
        self.measures += [Gauge(metric, _bound(ask, core)) for metric, ask in GAUGES]
        self.measures.append(Gauges(IN_FLIGHT, lambda: _in_flight(core)))

    def registry(self) -> CollectorRegistry:
        """Return a registry with these metrics and those of the process."""
        return exposition.registry(lambda: [("", self.measures)])


def _bound(
    ask: Callable[[RouterCore], float | None], core: RouterCore
) -> Callable[[], float | None]:
    return lambda: ask(core)
