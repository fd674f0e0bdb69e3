"""The edge's settings, read once from the environment and passed down."""

from __future__ import annotations

import secrets
import socket

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from kull_edge.session.config import HubConfig, SessionConfig
from kull_edge.session.subscription import Window
from kull_edge.socket.client_address import parse_networks
from kull_edge.socket.door import DoorConfig
from kull_protos.common.origins import Origins, is_loopback, parse
from kull_protos.contract.limits import DEFAULT_ROOMS, MAX_NODE_ID_CHARS, MAX_ROOMS
from kull_protos.settings import PageSettings, PlainTokenSettings, TlsSettings


class EdgeSettings(TlsSettings, PageSettings, PlainTokenSettings):
    """Settings of one edge. Every field names its unit."""

    model_config = SettingsConfigDict(env_prefix="KULL_EDGE_")

    host: str = Field("127.0.0.1", description="address that devices connect to")
    port: int = Field(5000, ge=0, le=65535, description="port of WebSockets; 0: any free")
    share_port: bool = Field(
        False, description="let other edges of this machine listen on the same port"
    )
    routers: str = Field("127.0.0.1:7400", description="all routers, host:port separated by commas")
    node_id: str = Field(
        default_factory=lambda: f"{socket.gethostname()}-{secrets.token_hex(3)}",
        max_length=MAX_NODE_ID_CHARS,
        description="name of this edge, unique among living edges",
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

    trusted_proxies: str = Field(
        "", description="networks of load balancers whose X-Forwarded-For is believed"
    )
    unlimited: str = Field(
        "127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7",
        description="networks that the limits per address do not count",
    )
    connections_per_address: int = Field(
        500, ge=0, description="WebSockets at once from one address (IPv6: /64); 0: no limit"
    )
    attempts_per_address: float = Field(
        20.0, ge=0, description="connections per second from one address; 0: no limit"
    )
    attempts_burst: float = Field(200.0, ge=1, description="connections at once, above that rate")
    handshakes: int = Field(
        8_192, ge=1, description="connections without a request yet; the oldest is cut for a newer"
    )
    max_head: int = Field(16_384, ge=1_024, description="bytes of an upgrade request's head")
    max_query: int = Field(8_192, ge=256, description="bytes of its target, query included")
    message_rate: float = Field(
        1_000.0, ge=0, description="frames per second of one device; 0: no limit"
    )
    message_burst: float = Field(2_000.0, ge=1, description="frames at once, above that rate")
    byte_rate: float = Field(
        1_048_576.0, ge=0, description="bytes per second of one device; 0: no limit"
    )
    byte_burst: float = Field(2_097_152.0, ge=1, description="bytes at once, above that rate")
    publish_rate: float = Field(
        50.0,
        ge=0,
        description="UPDATE_PROGRESS, JOIN, LEAVE, TYPING per second of a device; 0: no limit",
    )
    publish_burst: float = Field(200.0, ge=1, description="of those at once, above that rate")
    rooms: int = Field(
        DEFAULT_ROOMS, ge=0, le=MAX_ROOMS, description="rooms that one connection follows at once"
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

    @field_validator("trusted_proxies", "unlimited")
    @classmethod
    def _check_networks(cls, value: str) -> str:
        parse_networks(value)
        return value

    def door(self) -> DoorConfig:
        """Return the door's part of the settings."""
        return DoorConfig(
            origins=Origins(
                allowed=parse(self.origins),
                local=is_loopback(self.host),
                literal=self.allow_plain_tokens,
            ),
            trusted_proxies=parse_networks(self.trusted_proxies),
            unlimited=parse_networks(self.unlimited),
            connections=self.connections_per_address,
            attempt_rate=self.attempts_per_address,
            attempt_burst=self.attempts_burst,
            handshakes=self.handshakes,
        )

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
                publish_rate=self.publish_rate,
                publish_burst=self.publish_burst,
                rooms=self.rooms,
            ),
            max_sessions=self.max_connections,
            ack_delay=self.ack_delay,
            routers=len(self.router_addresses),
            stale_after=self.stale_after,
            away_after=self.away_after,
        )
