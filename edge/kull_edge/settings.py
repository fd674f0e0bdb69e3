"""The edge's settings, read once from the environment and passed down."""

from __future__ import annotations

import secrets
import socket

from pydantic import AliasChoices, Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from kull_edge.config import HubConfig, SessionConfig
from kull_edge.follow import Window


class EdgeSettings(BaseSettings):
    """Settings of one edge. Every field names its unit."""

    model_config = SettingsConfigDict(
        env_prefix="KULL_EDGE_", extra="ignore", frozen=True, populate_by_name=True
    )

    host: str = Field("127.0.0.1", description="address that devices connect to")
    port: int = Field(5000, ge=0, le=65535, description="port of WebSockets; 0: any free")
    routers: str = Field("127.0.0.1:7400", description="all routers, host:port separated by commas")
    node_id: str = Field(
        default_factory=lambda: f"{socket.gethostname()}-{secrets.token_hex(3)}",
        max_length=128,
        description="name of this edge, unique among living edges",
    )
    allow_plain_tokens: bool = Field(
        False,
        validation_alias=AliasChoices("KULL_ALLOW_PLAIN_TOKENS", "allow_plain_tokens"),
        description="accept 'userId' and 'userId:deviceId' as tokens: for demos only",
    )
    compression: bool = Field(False, description="offer permessage-deflate (about 25 KB a device)")
    metrics_port: int = Field(0, ge=0, le=65535, description="port of /metrics; 0: none")

    max_connections: int = Field(50_000, ge=1, description="WebSockets at once")
    window_frames: int = Field(64, ge=1, description="unacknowledged frames per device and queue")
    window_bytes: int = Field(262_144, ge=1, description="unacknowledged bytes, the same way")
    max_message: int = Field(65_536, ge=1_024, description="bytes of a device's message")
    write_high: int = Field(
        65_536, ge=1_024, description="bytes in a socket's write buffer that count as full"
    )

    handshake_timeout: float = Field(5.0, gt=0, description="seconds for the request's head")
    hello_timeout: float = Field(5.0, gt=0, description="seconds for HELLO")
    attach_timeout: float = Field(10.0, gt=0, description="seconds for a router to take a session")
    keepalive: float = Field(30.0, gt=0, description="seconds of silence before a ping")
    pong_timeout: float = Field(20.0, gt=0, description="seconds for the pong")
    drain: float = Field(
        20.0, ge=0, description="seconds over which a leaving edge spreads its devices, at most"
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
    close_timeout: float = Field(2.0, gt=0, description="seconds for a device to end its closing")
    ack_delay: float = Field(0.1, gt=0, description="seconds that acknowledgements are collected")

    @field_validator("routers")
    @classmethod
    def _check_routers(cls, value: str) -> str:
        for target in value.split(","):
            host, _, port = target.strip().rpartition(":")
            if not host or not port.isdigit():
                raise ValueError(f"{target.strip()!r} is not host:port, e.g. router-1:7400")
        return value

    @property
    def router_addresses(self) -> list[str]:
        """The routers, each once."""
        return list(dict.fromkeys(target.strip() for target in self.routers.split(",")))

    def hub(self) -> HubConfig:
        """Return the hub's part of the settings."""
        return HubConfig(
            session=SessionConfig(
                node_id=self.node_id,
                window=Window(frames=self.window_frames, bytes=self.window_bytes),
                allow_plain_tokens=self.allow_plain_tokens,
                hello_timeout=self.hello_timeout,
                attach_timeout=self.attach_timeout,
                keepalive=self.keepalive,
                pong_timeout=self.pong_timeout,
            ),
            max_sessions=self.max_connections,
            ack_delay=self.ack_delay,
            routers=len(self.router_addresses),
            stale_after=self.stale_after,
            away_after=self.away_after,
        )
