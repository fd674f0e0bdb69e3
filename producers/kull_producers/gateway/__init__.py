"""HTTP triggers for callers that do not speak AMQP (`kull-producers[gateway]`)."""

from __future__ import annotations

from kull_producers.gateway.app import Status, create_app
from kull_producers.gateway.auth import (
    Caller,
    Forbidden,
    Unauthorized,
    open_auth,
    service_auth,
    service_token,
)
from kull_producers.gateway.keys import key_auth
from kull_producers.gateway.settings import GatewaySettings

__all__ = [
    "Caller",
    "Forbidden",
    "GatewaySettings",
    "Status",
    "Unauthorized",
    "create_app",
    "key_auth",
    "open_auth",
    "service_auth",
    "service_token",
]
