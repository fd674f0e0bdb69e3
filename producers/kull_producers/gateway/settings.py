"""The gateway's settings, read once from `KULL_*` and passed down."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from kull_producers import topology
from kull_producers.errors import KullError
from kull_producers.gateway.auth import MIN_SECRET_BYTES, Authorize, service_auth
from kull_producers.gateway.keys import key_auth
from kull_producers.publisher import DEFAULT_IN_FLIGHT, DEFAULT_TIMEOUT


class GatewayConfigError(KullError):
    """A setting is missing or contradicts another; the text names it."""


class GatewaySettings(BaseSettings):
    """Settings of one gateway. Every field names its unit."""

    model_config = SettingsConfigDict(env_prefix="KULL_", extra="ignore", frozen=True)

    amqp_url: SecretStr = Field(description="RabbitMQ, amqp(s)://user:password@host/vhost")
    service_secret: SecretStr | None = Field(
        None,
        min_length=MIN_SECRET_BYTES,
        description="HS256 secret of service tokens, at least 32 bytes; unset: keys only",
    )
    service_keys: Path | None = Field(
        None, description="file of the service keys, see `kull keys`; unset: service tokens only"
    )
    shard_count: int = Field(
        topology.DEFAULT_SHARD_COUNT, ge=1, le=100, description="shards of the deployment"
    )
    gateway_host: str = Field("127.0.0.1", description="address of the HTTP triggers")
    gateway_port: int = Field(
        8080, ge=0, le=65535, description="port of the HTTP triggers; 0: any free"
    )
    publish_timeout: float = Field(
        DEFAULT_TIMEOUT, gt=0, description="seconds for RabbitMQ to confirm an event"
    )
    gateway_in_flight: int = Field(
        DEFAULT_IN_FLIGHT, ge=1, description="unconfirmed events at once; further ones wait"
    )

    def authorize(self) -> Authorize:
        """Return what verifies callers. Raises GatewayConfigError, KeyFileError."""
        secret = self.service_secret
        tokens = service_auth(secret.get_secret_value()) if secret else None
        if self.service_keys is not None:
            return key_auth(self.service_keys, tokens=tokens)
        if tokens is None:
            raise GatewayConfigError(
                "nobody could call: set KULL_SERVICE_KEYS (see `kull keys`) or KULL_SERVICE_SECRET"
            )
        return tokens
