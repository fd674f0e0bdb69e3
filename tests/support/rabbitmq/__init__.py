"""RabbitMQ for tests: found, started, shared, and a fresh virtual host for each test."""

from __future__ import annotations

from tests.support.rabbitmq.endpoint import Endpoint
from tests.support.rabbitmq.local import RabbitMQ

__all__ = ["Endpoint", "RabbitMQ"]
