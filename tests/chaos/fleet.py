"""The devices."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence

from kull_client import State, SyncClient
from tests.chaos.ledger import Ledger
from tests.support.device import token


class Fleet:
    """`per_user` devices of each user.

    Attributes:
        connected: how many have been connected at least once.
        closes: why connections ended, in order, without those that a device closed itself.
        on_event: is called with each event's user and number, and the monotonic time.
    """

    def __init__(self, ledger: Ledger, *, url: str, users: Sequence[str], per_user: int) -> None:
        self.connected = 0
        self.closes: list[str] = []
        self.on_event: Callable[[str, int, float], None] | None = None
        self._ledger = ledger
        self._url = url
        self._users = users
        self._per_user = per_user

    def devices(self) -> Iterator[asyncio.Task[None]]:
        """Start every device."""
        for user in self._users:
            for number in range(self._per_user):
                name = f"{user}/device-{number}"
                self._ledger.add_device(name, user)
                yield asyncio.create_task(self._device(name, user), name=name)

    async def _device(self, name: str, user: str) -> None:
        access = token(user, name.partition("/")[2], ttl=86_400)
        async with SyncClient(
            self._url, access, max_attempts=None, on_state=self._note_state
        ) as client:
            self.connected += 1
            async for event in client:
                if event.type == "RECOVERY_LOST":
                    self._ledger.not_recovered += 1
                elif event.type == "CREDIT_UPDATE":
                    number = event.data["newBalance"]
                    self._ledger.deliver(name, event.user_id, number)
                    if self.on_event is not None:
                        self.on_event(user, number, time.monotonic())

    def _note_state(self, state: State) -> None:
        if state.name == "waiting":
            self.closes.append(state.reason)
