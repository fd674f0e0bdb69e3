"""Limits of an edge as a whole. `EdgeSettings` is one, so each stands here alone. PURE."""

from __future__ import annotations

from pydantic import Field

from kull_edge.session.config import SessionConfig
from kull_protos.common import flight_recorder


class HubConfig(SessionConfig):
    """Limits of all sessions together, and of each."""

    max_connections: int = Field(50_000, ge=1, description="WebSockets at once")
    user_rate: float = Field(
        100.0,
        ge=0,
        description="messages per second of all devices of one user at this edge, but HELLO and "
        "ACK; 0: no limit",
    )
    # Devices that come back at once all join their rooms again: 32 of them, 32 rooms each.
    user_burst: float = Field(1_200.0, ge=1, description="of those at once, above that rate")
    ack_delay: float = Field(0.1, gt=0, description="seconds that acknowledgements are collected")
    ack_batch: int = Field(256, ge=1, description="acknowledgements that do not wait any longer")
    max_subscribes: int = Field(1_000, ge=1, description="unanswered Subscribe frames per router")
    retry_min: float = Field(
        0.2, gt=0, description="seconds until a router is asked again, at least"
    )
    retry_max: float = Field(1.0, gt=0, description="the same, at most")
    flight_recorder_bytes: int = Field(
        flight_recorder.DEFAULT_BYTES,
        ge=flight_recorder.MIN_BYTES,
        description="bytes of what `kull why` is told of the last minutes",
    )
    stale_after: float = Field(
        10.0,
        gt=0,
        description="seconds without a router until devices are told that they are stale",
    )
    away_after: float = Field(
        30.0,
        gt=0,
        description="seconds without a router until devices are sent to edges that have one",
    )
