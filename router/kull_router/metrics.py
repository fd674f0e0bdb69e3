"""What the router counts."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge

EVENTS: Final = Counter("kull_router_events_total", "events by what became of them", ["outcome"])
READDRESSED: Final = Counter(
    "kull_router_readdressed_total", "messages published without the right shard", ["app_id"]
)
REDELIVERED: Final = Counter(
    "kull_router_redelivered_total", "deliveries that RabbitMQ had handed out once before"
)
DEAD: Final = Counter("kull_router_dead_letters_total", "messages that were no events")
PUSHES: Final = Counter("kull_router_pushes_total", "entries pushed to edges")
GAPS: Final = Counter("kull_router_gaps_total", "pushes dropped since an edge did not keep up")
SESSIONS: Final = Gauge("kull_router_sessions", "sessions registered")
OWNED: Final = Gauge("kull_router_owned_shards", "shards owned")
BLOCKED: Final = Gauge(
    "kull_router_rabbitmq_blocked", "1 while RabbitMQ takes nothing: its memory or disk is short"
)
REVOCATIONS: Final = Counter("kull_router_revocations_total", "revocations put in force")
EXPIRED: Final = Counter(
    "kull_router_expired_total", "subscriptions ended since their edge let them outlive the token"
)
REFUSED: Final = Counter(
    "kull_router_refused_total", "sessions refused, by close code (0: try again)", ["code"]
)
EVICTED: Final = Counter(
    "kull_router_evicted_total", "sessions that this router had closed, by close code", ["code"]
)
EDGES: Final = Gauge("kull_router_edges", "edges attached")


def dead_letters() -> int:
    """Return how many messages this process has dead-lettered."""
    return total(DEAD)


def total(counter: Counter) -> int:
    """Return what a counter without labels has counted."""
    return sum(by_label(counter).values())


def by_label(counter: Counter) -> dict[str, int]:
    """Return what a counter has counted, by the value of its one label; without labels by ''."""
    return {
        next(iter(sample.labels.values()), ""): int(sample.value)
        for metric in counter.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    }
