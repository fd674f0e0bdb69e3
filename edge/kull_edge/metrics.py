"""What an edge counts, for Prometheus. One registry per edge: several may share a process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from kull_edge.hub import Hub


class EdgeMetrics:
    """The metrics of one edge."""

    def __init__(self, hub: Hub) -> None:
        self.registry = CollectorRegistry()
        self.messages = Counter(
            "kull_edge_messages_sent", "Messages written to devices", registry=self.registry
        )
        self.acks = Counter(
            "kull_edge_acks_sent", "Cursor moves reported to routers", registry=self.registry
        )
        self.refused = Counter(
            "kull_edge_refused",
            "Connections refused before they were open, by reason",
            ["why"],
            registry=self.registry,
        )
        self.throttled = Counter(
            "kull_edge_throttled",
            "Times that a device sent too much and was not read for a moment",
            registry=self.registry,
        )
        self.limited = Counter(
            "kull_edge_limited",
            "Devices told that they do too much, by what",
            ["what"],
            registry=self.registry,
        )
        self.closed = Counter(
            "kull_edge_closes",
            "WebSockets closed by the edge, by close code; 0: cut",
            ["code"],
            registry=self.registry,
        )
        gauges = (
            ("kull_edge_sessions", "WebSockets with a session", lambda: hub.session_count),
            ("kull_edge_queues", "Queues with a session here", lambda: hub.queue_count),
            ("kull_edge_catching_up", "Subscriptions that are not live", hub.catching_up),
        )
        for name, text, read in gauges:
            Gauge(name, text, registry=self.registry).set_function(read)
