"""Kull Sync for devices: stay connected and get every event once, in order."""

from __future__ import annotations

from importlib.metadata import version

from kull_client.client import SyncClient
from kull_client.errors import (
    BadMessage,
    GaveUp,
    InvalidMessage,
    NotConnected,
    Rejected,
    SyncClosed,
    SyncError,
    Unauthorized,
)
from kull_client.event import Device, Event, Position
from kull_client.roster import Member
from kull_client.state import State
from kull_client.stats import Stats
from kull_client.statuses import UserStatus

__version__ = version("kull-client")

__all__ = [
    "BadMessage",
    "Device",
    "Event",
    "GaveUp",
    "InvalidMessage",
    "Member",
    "NotConnected",
    "Position",
    "Rejected",
    "State",
    "Stats",
    "SyncClient",
    "SyncClosed",
    "SyncError",
    "Unauthorized",
    "UserStatus",
    "__version__",
]
