# Generated from protos/kull_protos/settings.py by `make contract`: do not edit.
"""Settings that several roles read: each `KULL_*` variable with its default and meaning, once.

A role's settings inherit what they need. The names are the same everywhere, also where a role's own
variables have a prefix. Needs pydantic-settings, which every service has.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from kull_gateway import origins as pages
from kull_producers.contract.limits import DEFAULT_TOKEN_TTL, MIN_SECRET_BYTES
from kull_producers.contract.shard import DEFAULT_SHARD_COUNT, MAX_SHARD_COUNT

ROUTER_PORT: Final = 7400
ROUTERS: Final = f"127.0.0.1:{ROUTER_PORT}"  # one on this machine
EXAMPLE: Final = "change-me"  # what every secret of .env.example begins with


def variable(name: str, default: Any, **more: Any) -> Any:
    """Return a field that is read from `KULL_<NAME>`, whatever the prefix of its class."""
    return Field(default, validation_alias=f"KULL_{name.upper()}", **more)


class Shared(BaseSettings):
    """What all settings have in common. Every field names its unit."""

    model_config = SettingsConfigDict(
        env_prefix="KULL_", extra="ignore", frozen=True, populate_by_name=True
    )

    @field_validator("*")
    @classmethod
    def _no_example(cls, value: Any) -> Any:
        if isinstance(value, SecretStr) and EXAMPLE in value.get_secret_value():
            raise ValueError(
                "that is the secret of .env.example, which everybody knows: "
                "`openssl rand -hex 32` makes one"
            )
        return value


class TlsSettings(Shared):
    """TLS inside the mesh."""

    tls_ca: Path | None = variable(
        "tls_ca",
        None,
        description="PEM file of the authority that signs certificates inside the mesh; "
        "unset: no TLS there",
    )
    tls_cert: Path | None = variable(
        "tls_cert", None, description="PEM file of this node's certificate"
    )
    tls_key: Path | None = variable("tls_key", None, description="PEM file of its private key")


class BrokerSettings(Shared):
    """RabbitMQ, and how the deployment is cut."""

    amqp_url: SecretStr | None = variable(
        "amqp_url", None, description="RabbitMQ, amqp(s)://user:password@host:port,host:port/vhost"
    )
    shard_count: int = variable(
        "shard_count",
        DEFAULT_SHARD_COUNT,
        ge=1,
        le=MAX_SHARD_COUNT,
        description="shards of the deployment; fixed once it was created",
    )


class EventsSettings(Shared):
    """Which event types there are."""

    events_modules: str = variable(
        "events_modules",
        "",
        description="Python modules with event types of your own, separated by commas, e.g. "
        "our.events; they are looked for where Python looks, and in the working directory",
    )


class DeviceTokenSettings(Shared):
    """Device tokens, for whoever signs or verifies them."""

    token_secret: SecretStr | None = variable(
        "token_secret",
        None,
        description=f"HS256 secret of device tokens, at least {MIN_SECRET_BYTES} bytes; "
        "unset: `kull up` makes one for development",
    )
    token_audience: str = variable(
        "token_audience", "", description="`aud` of device tokens; empty: they have none"
    )
    token_issuer: str = variable(
        "token_issuer", "", description="`iss` of device tokens; empty: any, and none is signed in"
    )
    token_max_ttl: float = variable(
        "token_max_ttl",
        DEFAULT_TOKEN_TTL,
        gt=0,
        description="seconds that a device token lives at most; revocations are kept as long",
    )


class SigningSettings(DeviceTokenSettings):
    """What signs device tokens."""

    token_signing_key: Path | None = variable(
        "token_signing_key",
        None,
        description="PEM file of the private key that signs device tokens (RSA: RS256, Ed25519: "
        "EdDSA), instead of KULL_TOKEN_SECRET",
    )


class PlainTokenSettings(Shared):
    """Tokens without a signature."""

    allow_plain_tokens: bool = variable(
        "allow_plain_tokens",
        False,
        description="accept 'userId' and 'userId:deviceId' as tokens: for demos only",
    )


class ServiceSettings(Shared):
    """Who may call the HTTP triggers."""

    service_secret: SecretStr | None = variable(
        "service_secret",
        None,
        description="HS256 secret of service tokens for the HTTP triggers, at least "
        f"{MIN_SECRET_BYTES} bytes; unset: `kull up` derives one from the token secret, "
        "a gateway takes keys only",
    )
    service_keys: Path | None = variable(
        "service_keys",
        None,
        description="file of the service keys, see `kull keys`; unset: a gateway takes service "
        "tokens only, `kull up` and `kull keys` use service-keys.json in KULL_HOME",
    )


class TracesSettings(Shared):
    """Where traces go."""

    traces_url: str = variable(
        "traces_url",
        "",
        description="OpenTelemetry collector that gets traces, by OTLP over HTTP, e.g. "
        "http://collector:4318/v1/traces; empty: none are recorded. Needs the extra `traces`",
    )
    traces_ratio: float = variable(
        "traces_ratio",
        1.0,
        ge=0,
        le=1,
        description="share of the traces beginning at this role that are recorded, and of those "
        "that devices begin; what services publish with a traceparent is recorded as that says",
    )


class PageSettings(Shared):
    """Which web pages may talk to us."""

    origins: str = variable(
        "origins",
        "",
        description="web pages that may connect and call, besides those of the same host: exact "
        "origins separated by commas, e.g. https://app.example.com, capacitor://localhost; "
        "*: any",
    )

    @field_validator("origins")
    @classmethod
    def _check_origins(cls, value: str) -> str:
        pages.parse(value)
        return value
