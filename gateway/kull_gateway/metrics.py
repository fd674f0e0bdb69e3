"""What a gateway counts. A registry of its own for each: several may share a process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram


class GatewayMetrics:
    """The metrics of one gateway."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "kull_gateway_requests",
            "Answers by path and status",
            ["path", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "kull_gateway_seconds",
            "From the request to its answer",
            ["path"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5),
            registry=self.registry,
        )
        self.limited = Counter(
            "kull_gateway_limited", "Calls above a key's rate (429)", registry=self.registry
        )
        self.foreign = Counter(
            "kull_gateway_foreign_origins",
            "Calls of pages that are not allowed (403)",
            registry=self.registry,
        )
