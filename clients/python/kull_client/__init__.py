"""Kull Sync for devices: stay connected and get every event once, in order."""

from __future__ import annotations

from importlib.metadata import version

from kull_client.client import SyncClient
from kull_client.errors import (
    BadMessage,
    GaveUp,
    NotConnected,
    Rejected,
    SyncClosed,
    SyncError,
)
from kull_client.event import Device, Event, Position
from kull_client.state import State

__version__ = version("kull-client")

__all__ = [
    "BadMessage",
    "Device",
    "Event",
    "GaveUp",
    "NotConnected",
    "Position",
    "Rejected",
    "State",
    "SyncClient",
    "SyncClosed",
    "SyncError",
    "__version__",
]
