"""Publish shoot, credit and prompt events to every device of a user."""

from __future__ import annotations

from kull_producers.connect import connect, connect_sync
from kull_producers.errors import (
    AccessRefused,
    ConnectError,
    EventModuleError,
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
from kull_producers.events.audience import ChosenUsers, NamedUser, OwnUser, UserOrEverybody
from kull_producers.events.catalogue import Catalogue
from kull_producers.events.delivery_contract import Ephemeral, Every, Latest
from kull_producers.events.event import Event, EventType
from kull_producers.events.models import CreditUpdate, PromptChange, ShootProgress
from kull_producers.outbox.file_store import OutboxStatus
from kull_producers.outbox.publisher import Outbox, OutboxPublisher, SyncOutboxPublisher
from kull_producers.publishing.publisher import Publisher
from kull_producers.publishing.sync import SyncPublisher

__all__ = [
    "AccessRefused",
    "Catalogue",
    "ChosenUsers",
    "ConnectError",
    "CreditUpdate",
    "Ephemeral",
    "Event",
    "EventModuleError",
    "EventType",
    "Every",
    "InvalidAddress",
    "InvalidEvent",
    "KullError",
    "Latest",
    "NamedUser",
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
    "OwnUser",
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
    "UserOrEverybody",
    "connect",
    "connect_sync",
]
