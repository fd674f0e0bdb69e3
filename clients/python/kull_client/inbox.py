"""The bounded buffer between the connection and the application."""

from __future__ import annotations

import asyncio
from collections import deque

from kull_client.event import RECOVERY_LOST
from kull_client.session import Delivery


class Inbox:
    """One writer, one reader. A full inbox makes the writer wait, and so the server.

    Attributes:
        taken: events that were handed out.
        losses: of them, the notices that something is missing.
    """

    def __init__(self, size: int) -> None:
        self.taken = self.losses = 0
        self._size = size
        self._items: deque[Delivery] = deque()
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._ended = False
        self._error: Exception | None = None

    def __len__(self) -> int:
        """How many wait."""
        return len(self._items)

    async def put(self, delivery: Delivery) -> None:
        """Add a delivery, once there is room."""
        while len(self._items) >= self._size:
            self._room.clear()
            await self._room.wait()
        self._items.append(delivery)
        self._filled.set()

    async def get(self) -> Delivery:
        """Return the next delivery. Cancelling is safe: none is lost.

        Raises:
            StopAsyncIteration: everything was handed out and nothing more will come.
            Exception: the same, with the error given to `end`.
        """
        while not self._items:
            if self._ended:
                raise self._error or StopAsyncIteration
            self._filled.clear()
            await self._filled.wait()
        delivery = self._items.popleft()
        self._room.set()
        if delivery.problem is None:
            event = delivery.event
            self.taken += 1
            self.losses += event.type == RECOVERY_LOST and event.is_notice
        return delivery

    def end(self, error: Exception | None = None) -> None:
        """Say that nothing more will come, and why."""
        if not self._ended:
            self._ended, self._error = True, error
            self._filled.set()
