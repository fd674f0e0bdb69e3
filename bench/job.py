"""The work that every rival gets, and how much of it. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

EVENT_BYTES: Final = 260
KEEPALIVE: Final = 30.0  # seconds of silence before a device or its server asks for a sign of life


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Durable delivery: persistent events with publisher confirms, each acknowledged by devices.

    Attributes:
        devices: connected at once.
        per_user: devices of one user; each gets every event of its user.
        seconds: how long each rate is measured, after `warmup` seconds of the same.
        idle: seconds that idle connections are watched.
        outstanding: events published and not yet at all of their devices, at most.
        connecting: connection attempts at once.
        backlog: events that wait for each device in a mass reconnect.
        broadcasts: events to everybody, one after the other.
    """

    devices: int
    per_user: int = 1
    seconds: float = 5.0
    warmup: float = 2.0
    idle: float = 5.0
    outstanding: int = 1_000
    connecting: int = 64
    backlog: int = 20
    broadcasts: int = 5

    def __post_init__(self) -> None:
        """Raise ValueError when not every user would have all devices."""
        if self.devices % self.per_user:
            raise ValueError(f"{self.devices} devices are no multiple of {self.per_user} per user")

    @property
    def users(self) -> list[str]:
        """Every user's id."""
        return [f"user-{number:05d}" for number in range(self.devices // self.per_user)]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Device and user of every device."""
        return [
            (f"{user}-{number}", user) for user in self.users for number in range(self.per_user)
        ]
