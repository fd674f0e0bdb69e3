"""A small AMQP 0-9-1 client, just what the router needs of RabbitMQ.

Why not aio-pika here: per delivery it starts tasks, a text that is not UTF-8 in a foreign message
ends its connection (again and again), and lost connections surface as CancelledError in callers
that nobody cancelled. Encoding of methods is pamqp's.
"""

from __future__ import annotations

from kull_router.broker.amqp.channel import AmqpChannel
from kull_router.broker.amqp.connection import AmqpConnection
from kull_router.broker.amqp.consumer import ConsumerChannel
from kull_router.broker.amqp.errors import Refused
from kull_router.broker.amqp.hosts import first_that_serves
from kull_router.broker.amqp.publisher import PublisherChannel
from kull_router.broker.amqp.url import AmqpUrl

__all__ = [
    "AmqpChannel",
    "AmqpConnection",
    "AmqpUrl",
    "ConsumerChannel",
    "PublisherChannel",
    "Refused",
    "first_that_serves",
]
