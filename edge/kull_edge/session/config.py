"""Limits of the edge's core; times in seconds. `settings.py` fills them in. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kull_edge.session.subscription import Window
from kull_protos.contract.limits import DEFAULT_ROOMS

DEFAULT_WINDOW: Final = Window(frames=64, bytes=262_144)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionConfig:
    """Limits of a session."""

    node_id: str = "edge"
    window: Window = DEFAULT_WINDOW
    allow_plain_tokens: bool = False
    hello_timeout: float = 5.0
    attach_timeout: float = 10.0
    keepalive: float = 30.0
    pong_timeout: float = 20.0
    max_errors: int = 100
    max_publishes: int = 16
    publish_rate: float = 0.0  # messages per second that become events; 0: no limit
    publish_burst: float = 1.0
    rooms: int = DEFAULT_ROOMS  # followed at once


@dataclass(frozen=True, slots=True, kw_only=True)
class HubConfig:
    """Limits of the hub."""

    session: SessionConfig
    max_sessions: int = 50_000
    ack_delay: float = 0.1
    ack_batch: int = 256
    max_subscribes: int = 1000  # unanswered Subscribe frames per link
    retry_min: float = 0.2
    retry_max: float = 1.0
    routers: int = 1  # that there should be links to
    stale_after: float = 10.0  # without an owner, before devices are told
    away_after: float = 30.0  # the same, before they are sent to other edges if those are served
