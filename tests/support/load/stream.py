"""A steady stream of numbered events, the same to every user."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NoReturn

from kull_producers import KullError, Publisher

IN_FLIGHT = 200


class Stream:
    """Gives each user an event every `interval` seconds, the users evenly spread over it."""

    def __init__(self, users: Sequence[str], *, interval: float) -> None:
        self.confirmed = dict.fromkeys(users, 0)  # user -> number of the newest confirmed event
        self.problems = 0  # calls that had to be repeated
        self._users = list(users)
        self._interval = interval
        self._number = 0
        self._slots = asyncio.Semaphore(IN_FLIGHT)

    async def run(self, publisher: Publisher) -> NoReturn:
        """Publish until cancelled."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        sent = 0
        async with asyncio.TaskGroup() as calls:
            while True:
                self._number += 1
                for user in self._users:
                    due = begin + sent * self._interval / len(self._users)
                    await asyncio.sleep(max(0.0, due - loop.time()))
                    await self._slots.acquire()
                    calls.create_task(self._emit(publisher, user, self._number), name="emit")
                    sent += 1

    async def _emit(self, publisher: Publisher, user: str, number: int) -> None:
        try:
            while self.confirmed[user] < number - 1:  # an earlier one is still on its way
                await asyncio.sleep(0.01)
            while not await self._confirmed(publisher, user, number):
                self.problems += 1
                await asyncio.sleep(0.1)
            self.confirmed[user] = number
        finally:
            self._slots.release()

    async def _confirmed(self, publisher: Publisher, user: str, number: int) -> bool:
        try:
            await publisher.credit_update(
                user_id=user,
                new_balance=number,
                change=1,
                reason="steady stream",
                idempotency_key=f"{user}-{number}",
            )
        except KullError:
            return False
        return True
