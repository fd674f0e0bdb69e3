"""The edge's settings, read once from the environment and passed down."""

from __future__ import annotations

import secrets
import socket

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from kull_edge.placement.config import HubConfig
from kull_edge.socket.config import AdmissionConfig, ConnectionConfig
from kull_protos.common.hosts import is_loopback
from kull_protos.common.origins import Origins, parse
from kull_protos.contract.limits import MAX_NODE_ID_CHARS
from kull_protos.settings import (
    ROUTERS,
    PageSettings,
    PlainTokenSettings,
    TlsSettings,
    TracesSettings,
)

DNS = "dns:"  # before a name whose every address is a router
# A device's window, and as much again for answers, before it is cut as not reading.
WRITE_LIMIT_SHARE = 2


class EdgeSettings(
    TlsSettings,
    PageSettings,
    PlainTokenSettings,
    TracesSettings,
    HubConfig,
    ConnectionConfig,
    AdmissionConfig,
):
    """Settings of one edge: its own, and the limits that its parts declare beside their code.

    Every field names its unit. The whole is passed down; each part reads its own.
    """

    model_config = SettingsConfigDict(env_prefix="KULL_EDGE_")

    host: str = Field("127.0.0.1", description="address that devices connect to")
    port: int = Field(5000, ge=0, le=65535, description="port of WebSockets; 0: any free")
    share_port: bool = Field(
        False, description="let other edges of this machine listen on the same port"
    )
    routers: str = Field(
        ROUTERS,
        description="all routers, host:port separated by commas; "
        "dns:host:port: each address that this name has at the time",
    )
    node_id: str = Field(
        default_factory=lambda: f"{socket.gethostname()}-{secrets.token_hex(3)}",
        max_length=MAX_NODE_ID_CHARS,
        description="name of this edge, unique among living edges",
    )
    metrics_port: int = Field(0, ge=0, le=65535, description="port of /metrics; 0: none")

    handshake_timeout: float = Field(5.0, gt=0, description="seconds for the request's head")
    close_timeout: float = Field(2.0, gt=0, description="seconds for a device to end its closing")
    drain: float = Field(
        20.0, ge=0, description="seconds over which a leaving edge spreads its devices, at most"
    )

    @field_validator("routers")
    @classmethod
    def _check_routers(cls, value: str) -> str:
        for target in value.split(","):
            host, _, port = target.strip().removeprefix(DNS).rpartition(":")
            if not host or not port.isdigit():
                raise ValueError(f"{target.strip()!r} is not host:port, e.g. router-1:7400")
        return value

    @property
    def router_addresses(self) -> list[str]:
        """The routers that are named themselves, each once."""
        return [each for each in self._targets if not each.startswith(DNS)]

    @property
    def router_names(self) -> list[str]:
        """Names whose every address is a router, `host:port`, each once."""
        return [each.removeprefix(DNS) for each in self._targets if each.startswith(DNS)]

    @property
    def _targets(self) -> list[str]:
        return list(dict.fromkeys(target.strip() for target in self.routers.split(",")))

    @property
    def write_limit(self) -> int:
        """Bytes in a socket's write buffer above which it is cut."""
        return WRITE_LIMIT_SHARE * (self.window_bytes + self.write_high)

    @property
    def allowed_origins(self) -> Origins:
        """The web pages that may connect."""
        return Origins(
            allowed=parse(self.origins),
            local=is_loopback(self.host),
            literal=self.allow_plain_tokens,
        )
