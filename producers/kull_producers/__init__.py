"""Publish shoot, credit and prompt events to every device of a user."""

from __future__ import annotations

from kull_producers.errors import (
    ConnectError,
    InvalidAddress,
    InvalidEvent,
    KullError,
    NotRoutable,
    Overloaded,
    PublisherClosed,
    PublishError,
    PublishTimeout,
    ShardCountMismatch,
)
from kull_producers.events import CreditUpdate, Event, PromptChange, ShootProgress

__all__ = [
    "ConnectError",
    "CreditUpdate",
    "Event",
    "InvalidAddress",
    "InvalidEvent",
    "KullError",
    "NotRoutable",
    "Overloaded",
    "PromptChange",
    "PublishError",
    "PublishTimeout",
    "PublisherClosed",
    "ShardCountMismatch",
    "ShootProgress",
]
