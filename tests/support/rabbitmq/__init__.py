"""RabbitMQ for tests: found, started, shared, and a fresh virtual host for each test."""

from __future__ import annotations

from tests.support.rabbitmq.endpoint import Endpoint
from tests.support.rabbitmq.local import RabbitMQ
from tests.support.rabbitmq.source import NoRabbitMQ

__all__ = ["Endpoint", "NoRabbitMQ", "RabbitMQ"]
