"""The console's settings, read once from `KULL_*` and passed down."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from kull_protos.common.client_address import parse_networks
from kull_protos.common.hosts import is_loopback
from kull_protos.settings import Shared

PORT: Final = 5080


class ConsoleSettings(Shared):
    """Settings of the console. Every field names its unit."""

    console_host: str = Field("127.0.0.1", description="address that the console listens on")
    console_port: int = Field(
        PORT, ge=0, le=65535, description="port of the console, never that of /ws; 0: any free"
    )
    console_metrics_port: int = Field(
        0, ge=0, le=65535, description="port of the console's /metrics; 0: none"
    )
    console_url: str = Field(
        "",
        description="where browsers reach the console, e.g. https://console.example.com behind a "
        "proxy that ends TLS; with https its cookies are sent over TLS alone; "
        "empty: http at its own address",
    )
    console_routers: str = Field(
        "",
        description="routers that the console asks, host:port separated by commas; empty: those of "
        "KULL_EDGE_ROUTERS; with TLS it needs a certificate of the role operator",
    )
    console_trusted_proxies: str = Field(
        "",
        description="networks of proxies whose X-Forwarded-For is believed",
    )
    console_session: float = Field(
        12 * 3600, gt=0, description="seconds after which an operator has to sign in again"
    )
    console_idle: float = Field(
        3600, gt=0, description="seconds without a request after which a session ends"
    )
    oidc_issuer: str = Field(
        "",
        description="URL of the OpenID provider that operators may sign in with; empty: keys only",
    )
    oidc_client_id: str = Field("", description="the console's client id there")
    oidc_client_secret: SecretStr | None = Field(
        None, description="its secret; unset: a public client, PKCE alone"
    )
    oidc_claim: str = Field("groups", description="claim of the ID token that says who may what")
    oidc_read: str = Field("", description="value of that claim with which one may look")
    oidc_act: str = Field("", description="value of that claim with which one may act as well")

    @field_validator("console_trusted_proxies")
    @classmethod
    def _check_networks(cls, value: str) -> str:
        parse_networks(value)
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _check_issuer(cls, value: str) -> str:
        if value.startswith("http://") and not is_loopback(urlsplit(value).hostname or ""):
            raise ValueError("must begin with https://: its keys would come over plain HTTP")
        return value

    @field_validator("console_url", "oidc_issuer")
    @classmethod
    def _check_url(cls, value: str) -> str:
        if value and not value.startswith(("https://", "http://")):
            raise ValueError("must begin with https:// (or http:// on this machine)")
        return value.rstrip("/")

    @property
    def secure(self) -> bool:
        """Whether browsers reach the console over TLS."""
        return self.console_url.startswith("https://")
