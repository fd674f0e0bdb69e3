"""Settings of the `kull` command itself, from `KULL_*`; options on the command line win."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from platformdirs import user_state_path
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from kull_gateway.origins import parse
from kull_producers.events import topology


class MeshSettings(BaseSettings):
    """What the commands share. Every field names its unit where it has one."""

    model_config = SettingsConfigDict(env_prefix="KULL_", extra="ignore", frozen=True)

    home: Path = Field(
        default_factory=lambda: user_state_path("kull"),
        description="folder of the development secret and of `kull up`'s data",
    )
    token_secret: SecretStr | None = Field(
        None,
        description="HS256 secret of device tokens, at least 32 bytes; "
        "unset: `kull up` makes one for development",
    )
    token_signing_key: Path | None = Field(
        None,
        description="PEM file of the private key that signs device tokens (RSA: RS256, Ed25519: "
        "EdDSA), instead of KULL_TOKEN_SECRET",
    )
    token_audience: str = Field("", description="`aud` of device tokens; empty: none")
    token_issuer: str = Field("", description="`iss` of device tokens; empty: none")
    service_secret: SecretStr | None = Field(
        None,
        description="HS256 secret of service tokens for the HTTP triggers, at least 32 bytes; "
        "unset: derived from the token secret",
    )
    service_keys: Path | None = Field(
        None,
        description="file of the service keys, see `kull keys`; "
        "unset: `kull up` and `kull keys` use service-keys.json in KULL_HOME",
    )
    origins: str = Field(
        "",
        description="web pages that may connect and call, besides those of the same host: exact "
        "origins separated by commas, e.g. https://app.example.com; *: any",
    )
    shard_count: int = Field(
        topology.DEFAULT_SHARD_COUNT, ge=1, le=100, description="shards of the deployment"
    )
    amqp_url: SecretStr | None = Field(
        None, description="RabbitMQ, amqp(s)://user:password@host/vhost"
    )
    tls_ca: Path | None = Field(
        None,
        description="PEM file of the authority that signs certificates inside the mesh; "
        "unset: no TLS there",
    )
    tls_cert: Path | None = Field(None, description="PEM file of this node's certificate")
    tls_key: Path | None = Field(None, description="PEM file of its private key")
    gateway_routers: str = Field(
        "",
        description="routers whose state a gateway tells in its status, host:port separated by "
        "commas; with TLS it needs a certificate of the role viewer",
    )
    web_edges: str = Field(
        "",
        description="edges that the page of a gateway connects to, wss://host/ws separated by "
        "commas; empty: a gateway serves no page",
    )
    url: str = Field("http://127.0.0.1:5000", description="where `kull send` finds `kull up`")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least severe level that is logged"
    )
    log_format: Literal["auto", "console", "json"] = Field(
        "auto",
        description="log lines for people or machines; auto: by whether stderr is a terminal",
    )

    @field_validator("origins")
    @classmethod
    def _check_origins(cls, value: str) -> str:
        parse(value)
        return value

    @property
    def keys_file(self) -> Path:
        """Where the service keys are."""
        return self.service_keys or self.home / "service-keys.json"
