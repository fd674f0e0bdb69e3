"""Limits of connections, and of who may have one: `EdgeSettings` is both. PURE."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, field_validator

from kull_protos.common.client_address import PRIVATE_NETWORKS, parse_networks
from kull_protos.common.places import PlaceLimits


class ConnectionConfig(BaseModel):
    """Limits of one connection."""

    model_config = ConfigDict(frozen=True)

    compression: bool = Field(False, description="offer permessage-deflate (about 25 KB a device)")
    max_message: int = Field(65_536, ge=1_024, description="bytes of a device's message")
    write_high: int = Field(
        65_536, ge=1_024, description="bytes in a socket's write buffer that count as full"
    )
    max_head: int = Field(16_384, ge=1_024, description="bytes of an upgrade request's head")
    max_query: int = Field(8_192, ge=256, description="bytes of its target, query included")
    message_rate: float = Field(
        1_000.0,
        ge=0,
        description="messages per second of one device, each part and ping counted; 0: no limit",
    )
    message_burst: float = Field(2_000.0, ge=1, description="messages at once, above that rate")
    byte_rate: float = Field(
        1_048_576.0, ge=0, description="bytes per second of one device; 0: no limit"
    )
    byte_burst: float = Field(2_097_152.0, ge=1, description="bytes at once, above that rate")


class AdmissionConfig(BaseModel):
    """Who may connect, and how often."""

    model_config = ConfigDict(frozen=True)

    trusted_proxies: str = Field(
        "", description="networks of load balancers whose X-Forwarded-For is believed"
    )
    unlimited: str = Field(
        PRIVATE_NETWORKS,
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
        8_192,
        ge=1,
        description="connections that have shown no token yet; the oldest is cut for a newer",
    )
    handshakes_per_address: int = Field(
        500, ge=0, description="of those, from one address (IPv6: /64); 0: no limit"
    )

    @field_validator("trusted_proxies", "unlimited")
    @classmethod
    def _check_networks(cls, value: str) -> str:
        parse_networks(value)
        return value

    @property
    def place_limits(self) -> PlaceLimits:
        """How many connections without a token there may be."""
        return PlaceLimits(
            waiting=self.handshakes,
            waiting_per_address=self.handshakes_per_address,
            unlimited=parse_networks(self.unlimited) + parse_networks(self.trusted_proxies),
        )
