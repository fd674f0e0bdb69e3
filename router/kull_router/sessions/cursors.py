"""Acknowledgements on their way to the store: coalesced, written behind. PURE."""

from __future__ import annotations

from collections.abc import Collection

from kull_router.queues.port import CursorUpdate


class Cursors:
    """The highest acknowledged seq per queue and device that is not written yet.

    Losing what waits here means redelivery, never loss.
    """

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str, str], int] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def move(self, address: str, user: str, device: str, seq: int) -> None:
        """Note that a device has processed a queue up to seq. Never goes back."""
        key = (address, user, device)
        if seq > self._waiting.get(key, 0):
            self._waiting[key] = seq

    def take(self, limit: int) -> list[CursorUpdate]:
        """Remove and return up to `limit` updates, oldest first."""
        keys = [key for key, _ in zip(self._waiting, range(limit), strict=False)]
        return [self._update(key) for key in keys]

    def take_of_users(self, users: Collection[str]) -> list[CursorUpdate]:
        """Remove and return what waits for all devices of these users."""
        return [self._update(key) for key in list(self._waiting) if key[1] in users]

    def take_of(self, user: str, device: str, address: str) -> list[CursorUpdate]:
        """Remove and return what waits for one device in one queue."""
        key = (address, user, device)
        return [self._update(key)] if key in self._waiting else []

    def _update(self, key: tuple[str, str, str]) -> CursorUpdate:
        address, user, device = key
        return CursorUpdate(address=address, user=user, device=device, seq=self._waiting.pop(key))
