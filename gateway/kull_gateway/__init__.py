"""HTTP triggers for callers that do not speak AMQP (`kull-gateway`)."""

from __future__ import annotations

from kull_gateway.app import create_app
from kull_gateway.auth import (
    Caller,
    Forbidden,
    Unauthorized,
    open_auth,
    service_auth,
    service_token,
)
from kull_gateway.health import Status, publisher_status
from kull_gateway.keys import key_auth
from kull_gateway.origins import Origins
from kull_gateway.rates import Buckets
from kull_gateway.settings import GatewaySettings
from kull_gateway.token_minter import Minter, SigningKey, SigningKeyError

__all__ = [
    "Buckets",
    "Caller",
    "Forbidden",
    "GatewaySettings",
    "Minter",
    "Origins",
    "SigningKey",
    "SigningKeyError",
    "Status",
    "Unauthorized",
    "create_app",
    "key_auth",
    "open_auth",
    "publisher_status",
    "service_auth",
    "service_token",
]
