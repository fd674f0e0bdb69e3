"""Limits of a session. `EdgeSettings` is one, so each stands here alone. PURE."""

from __future__ import annotations

from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field

from kull_edge.session.subscription import Window
from kull_protos.contract.limits import DEFAULT_ROOMS, MAX_NODE_ID_CHARS, MAX_ROOMS


class SessionConfig(BaseModel):
    """Every field names its unit."""

    model_config = ConfigDict(frozen=True)

    node_id: str = Field(
        max_length=MAX_NODE_ID_CHARS, description="name of this edge, unique among living edges"
    )
    allow_plain_tokens: bool = Field(description="accept tokens that prove nothing: for demos only")
    window_messages: int = Field(
        64, ge=1, description="unacknowledged messages per device and queue"
    )
    window_bytes: int = Field(
        262_144,
        ge=1,
        description="unacknowledged bytes, the same way; SDKs acknowledge every 32 KiB, so several "
        "times that",
    )
    device_ack_delay: float = Field(
        1.0, gt=0, le=60, description="seconds that devices may collect acknowledgements"
    )
    hello_timeout: float = Field(5.0, gt=0, description="seconds for HELLO")
    attach_timeout: float = Field(10.0, gt=0, description="seconds for a router to take a session")
    keepalive: float = Field(30.0, gt=0, description="seconds of silence before a ping")
    pong_timeout: float = Field(20.0, gt=0, description="seconds for the pong")
    max_errors: int = Field(100, ge=1, description="bad messages until a connection is closed")
    max_publishes: int = Field(16, ge=1, description="unanswered messages of one device")
    publish_rate: float = Field(
        50.0,
        ge=0,
        description="UPDATE_PROGRESS, SEND, JOIN, LEAVE, TYPING per second of a device; 0: "
        "no limit",
    )
    publish_burst: float = Field(200.0, ge=1, description="of those at once, above that rate")
    token_rate: float = Field(
        0.5, ge=0, description="REFRESH, LOGOUT and SIGN_OUT per second of a device; 0: no limit"
    )
    token_burst: float = Field(5.0, ge=1, description="of those at once, above that rate")
    ping_rate: float = Field(2.0, ge=0, description="PING per second of a device; 0: no limit")
    ping_burst: float = Field(20.0, ge=1, description="of those at once, above that rate")
    rooms: int = Field(
        DEFAULT_ROOMS, ge=0, le=MAX_ROOMS, description="rooms that one connection follows at once"
    )

    @cached_property
    def window(self) -> Window:
        """What may be unacknowledged in each queue."""
        return Window(messages=self.window_messages, bytes=self.window_bytes)
