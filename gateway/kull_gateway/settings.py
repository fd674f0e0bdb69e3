"""The gateway's settings, read once from `KULL_*` and passed down."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import Field, SecretStr, field_validator

from kull_gateway.address_rates import AddressRates
from kull_gateway.auth import Authorize, service_auth
from kull_gateway.client_address import PRIVATE_NETWORKS, Network, parse_networks
from kull_gateway.hosts import is_loopback
from kull_gateway.http import HttpTimeouts
from kull_gateway.keys import key_auth
from kull_gateway.origins import Origins, parse
from kull_gateway.places import PlaceLimits
from kull_gateway.rates import Buckets
from kull_gateway.shared_settings import (
    BrokerSettings,
    EventsSettings,
    PageSettings,
    ServiceSettings,
    Shared,
    SigningSettings,
    TracesSettings,
)
from kull_gateway.token_minter import Minter, SigningKey, SigningKeyError
from kull_producers.contract.limits import MIN_SECRET_BYTES
from kull_producers.errors import KullError
from kull_producers.publishing.publisher import DEFAULT_IN_FLIGHT

DEFAULT_TIMEOUT: Final = 1.5  # seconds: callers learn within 2 s that RabbitMQ is away
DEFAULT_RATE: Final = 200.0  # calls a second of one key
DEFAULT_BURST: Final = 400.0


class GatewayConfigError(KullError):
    """A setting is missing or contradicts another; the text names it."""


class HttpSettings(Shared):
    """Limits of HTTP connections: the gateway's, and those of `kull up` beside the WebSockets."""

    gateway_head_timeout: float = Field(5.0, gt=0, description="seconds for a request's head")
    gateway_body_timeout: float = Field(10.0, gt=0, description="seconds for a request's body")
    gateway_answer_timeout: float = Field(
        60.0, gt=0, description="seconds until the answer is given and read"
    )
    gateway_idle_timeout: float = Field(
        5.0, gt=0, description="seconds that a connection is kept for its next request"
    )
    gateway_connections: int = Field(
        4_096,
        ge=1,
        description="connections at once; who has waited for the longest is cut for a newer",
    )
    gateway_waiting_per_address: int = Field(
        200,
        ge=0,
        description="connections of one address (IPv6: /64) without a whole request; 0: no limit",
    )
    gateway_unlimited: str = Field(
        PRIVATE_NETWORKS, description="networks that the limits per address do not count"
    )
    gateway_trusted_proxies: str = Field(
        "", description="networks of load balancers whose X-Forwarded-For is believed"
    )
    gateway_attempts_per_address: float = Field(
        5.0,
        ge=0,
        description="calls a second of one address (IPv6: /64) that show a device token; "
        "0: no limit",
    )
    gateway_attempts_burst: float = Field(50.0, ge=1, description="calls at once, above that rate")

    @field_validator("gateway_unlimited", "gateway_trusted_proxies")
    @classmethod
    def _check_networks(cls, value: str) -> str:
        parse_networks(value)
        return value

    def timeouts(self) -> HttpTimeouts:
        """Return how long each part of a request may take."""
        return HttpTimeouts(
            head=self.gateway_head_timeout,
            body=self.gateway_body_timeout,
            answer=self.gateway_answer_timeout,
            idle=self.gateway_idle_timeout,
        )

    def places(self) -> PlaceLimits:
        """Return how many connections there may be."""
        return PlaceLimits(
            total=self.gateway_connections,
            waiting=self.gateway_connections,
            waiting_per_address=self.gateway_waiting_per_address,
            unlimited=parse_networks(self.gateway_unlimited) + self._proxies,
        )

    def attempts(self) -> AddressRates:
        """Return how often an address may show a device token."""
        return AddressRates(
            rate=self.gateway_attempts_per_address,
            burst=self.gateway_attempts_burst,
            trusted=self._proxies,
            unlimited=parse_networks(self.gateway_unlimited),
        )

    @property
    def _proxies(self) -> tuple[Network, ...]:
        return parse_networks(self.gateway_trusted_proxies)


class GatewaySettings(
    HttpSettings,
    BrokerSettings,
    EventsSettings,
    ServiceSettings,
    PageSettings,
    SigningSettings,
    TracesSettings,
):
    """Settings of one gateway. Every field names its unit."""

    amqp_url: SecretStr = Field(
        validation_alias="KULL_AMQP_URL",
        description=BrokerSettings.model_fields["amqp_url"].description,
    )
    service_secret: SecretStr | None = Field(
        None,
        min_length=MIN_SECRET_BYTES,
        validation_alias="KULL_SERVICE_SECRET",
        description=ServiceSettings.model_fields["service_secret"].description,
    )
    gateway_host: str = Field("127.0.0.1", description="address of the HTTP triggers")
    gateway_port: int = Field(
        8080, ge=0, le=65535, description="port of the HTTP triggers; 0: any free"
    )
    gateway_metrics_port: int = Field(0, ge=0, le=65535, description="port of /metrics; 0: none")
    gateway_publish_timeout: float = Field(
        DEFAULT_TIMEOUT, gt=0, description="seconds for RabbitMQ to confirm an event"
    )
    gateway_in_flight: int = Field(
        DEFAULT_IN_FLIGHT, ge=1, description="unconfirmed events at once; further ones wait"
    )
    gateway_bursts: bool = Field(
        False,
        description="events that wait at the same time share a message of RabbitMQ, "
        "which third parties who bind to the public exchanges do not get",
    )
    gateway_rate: float = Field(
        DEFAULT_RATE, ge=0, description="calls a second of one key or service; 0: no limit"
    )
    gateway_burst: float = Field(DEFAULT_BURST, ge=1, description="calls at once, above the rate")
    gateway_outbox: Path | None = Field(
        None,
        description="file in which events wait for RabbitMQ; with one, 202 means: on disk there",
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

    def minter(self) -> Minter | None:
        """Return what signs device tokens, None if no key is set. Raises GatewayConfigError."""
        try:
            if self.token_signing_key is not None:
                key = SigningKey.from_pem(self.token_signing_key)
            elif self.token_secret is not None:
                key = SigningKey.shared(self.token_secret.get_secret_value())
            else:
                return None
        except SigningKeyError as error:
            raise GatewayConfigError(str(error)) from error
        return Minter(
            key,
            audience=self.token_audience,
            issuer=self.token_issuer,
            max_ttl=self.token_max_ttl,
        )

    def pages(self) -> Origins:
        """Return which web pages may call."""
        return Origins(allowed=parse(self.origins), local=is_loopback(self.gateway_host))

    def buckets(self) -> Buckets:
        """Return how often each key or service may call."""
        return Buckets(rate=self.gateway_rate, burst=self.gateway_burst)
