"""Publishers and devices: the load."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

from kull_client import SyncClient
from kull_producers import KullError, Publisher, connect
from tests.chaos.ledger import Ledger
from tests.support.device import token


class Fleet:
    """`users` users with `per_user` devices each; every user gets an event each `interval` s."""

    def __init__(
        self, ledger: Ledger, *, url: str, amqp_url: str, users: int, per_user: int, interval: float
    ) -> None:
        self.users = [f"user-{number}" for number in range(users)]
        self.started: dict[str, int] = dict.fromkeys(self.users, 0)  # number in publication
        self.connected = 0
        self._ledger = ledger
        self._url, self._amqp_url = url, amqp_url
        self._per_user = per_user
        self._interval = interval
        self._publishing = True
        self._random = random.Random()  # only for pauses

    def devices(self) -> Iterator[asyncio.Task[None]]:
        """Start every device."""
        for user in self.users:
            for number in range(self._per_user):
                name = f"{user}/device-{number}"
                self._ledger.add_device(name, user)
                yield asyncio.create_task(self._device(name, user), name=name)

    async def _device(self, name: str, user: str) -> None:
        async with SyncClient(
            self._url, token(user, name.partition("/")[2], ttl=86_400), max_attempts=None
        ) as client:
            self.connected += 1
            async for event in client:
                if event.type == "RECOVERY_LOST":
                    self._ledger.not_recovered += 1
                elif event.type == "CREDIT_UPDATE":
                    self._ledger.deliver(name, event.user_id, event.data["newBalance"])

    async def publish(self) -> None:
        """Publish until `stop`; a number is sent under one id until it is confirmed."""
        async with connect(self._amqp_url, timeout=5) as publisher, asyncio.TaskGroup() as tasks:
            for user in self.users:
                tasks.create_task(self._emit(publisher, user), name=f"emit-{user}")

    def stop(self) -> None:
        """Let each user's last event be confirmed, then publish no more."""
        self._publishing = False

    async def _emit(self, publisher: Publisher, user: str) -> None:
        while self._publishing:
            await asyncio.sleep(self._random.uniform(0, 2 * self._interval))
            number = self.started[user] = self.started[user] + 1
            while not await self._confirmed(publisher, user, number):
                await asyncio.sleep(self._random.uniform(0, 0.5))
            self._ledger.confirm(user, number)

    async def _confirmed(self, publisher: Publisher, user: str, number: int) -> bool:
        try:
            await publisher.credit_update(
                user_id=user,
                new_balance=number,
                change=1,
                reason="chaos",
                idempotency_key=f"{user}-{number}",
            )
        except KullError:
            return False
        return True
