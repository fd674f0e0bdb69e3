"""Publish shoot, credit and prompt events to every device of a user."""

from __future__ import annotations

from kull_producers.connect import connect, connect_sync
from kull_producers.errors import (
    AccessRefused,
    ConnectError,
    InvalidAddress,
    InvalidEvent,
    KullError,
    NoAnswer,
    NotDeployed,
    NotRoutable,
    OutboxError,
    OutboxFull,
    OutboxLocked,
    Overloaded,
    Partly,
    PublisherClosed,
    PublishError,
    PublishTimeout,
    ShardCountMismatch,
)
from kull_producers.events.event import Event
from kull_producers.events.models import CreditUpdate, PromptChange, ShootProgress
from kull_producers.outbox.file_store import OutboxStatus
from kull_producers.outbox.publisher import Outbox, OutboxPublisher, SyncOutboxPublisher
from kull_producers.publishing.publisher import Publisher
from kull_producers.publishing.sync import SyncPublisher

__all__ = [
    "AccessRefused",
    "ConnectError",
    "CreditUpdate",
    "Event",
    "InvalidAddress",
    "InvalidEvent",
    "KullError",
    "NoAnswer",
    "NotDeployed",
    "NotRoutable",
    "Outbox",
    "OutboxError",
    "OutboxFull",
    "OutboxLocked",
    "OutboxPublisher",
    "OutboxStatus",
    "Overloaded",
    "Partly",
    "PromptChange",
    "PublishError",
    "PublishTimeout",
    "Publisher",
    "PublisherClosed",
    "ShardCountMismatch",
    "ShootProgress",
    "SyncOutboxPublisher",
    "SyncPublisher",
    "connect",
    "connect_sync",
]
