"""The demo page's stand-ins for Kull's own services: shoots, credits, prompts."""

from __future__ import annotations

import asyncio
import random
from itertools import count
from types import TracebackType
from typing import Any, Final

from kull_mesh.play.purse import MemoryPurse, NotEnough, Purse
from kull_producers import Publisher
from kull_producers.events.models import ShootProgress, Status

PRICE: Final = 1  # credits per keeper
KEEPERS: Final = 1 / 6  # of the photographs
PACE: Final = 0.4  # seconds per photograph
PROMPTS: Final = {
    "golden-hour": "Golden hour",
    "bride-first": "Bride first",
    "no-blinks": "No blinks",
}
TITLES: Final = ("Wedding in Ghent", "Product day", "Dunes at dawn", "Team portraits", "City run")


class Business:
    """Processes shoots, keeps balances and votes, and publishes what happens.

    `async with` owns the running shoots: leaving it ends them. `rng` decides what is a keeper,
    `pace` is in seconds per photograph.
    """

    def __init__(
        self,
        publisher: Publisher,
        *,
        rng: random.Random,
        pace: float = PACE,
        purse: Purse | None = None,
    ) -> None:
        self._publisher = publisher
        self._rng = rng
        self._pace = pace
        self._purse = purse or MemoryPurse()
        self._numbers = count(1)
        self._running: set[asyncio.Task[None]] = set()
        self.votes: dict[str, int] = dict.fromkeys(PROMPTS, 0)
        self.titles: dict[str, str] = {}

    def balance(self, user: str) -> int:
        """Return a user's credits."""
        return self._purse.balance(user)

    async def book(self, user: str, change: int, reason: str) -> int:
        """Change a balance and tell the user's devices; return the new one. Raises NotEnough."""
        booking = self._purse.book(user, change, reason)
        await self._publisher.credit_update(
            user_id=user,
            new_balance=booking.balance,
            change=change,
            reason=reason,
            idempotency_key=booking.id,
        )
        self._purse.told(booking)
        return booking.balance

    async def vote(self, prompt_id: str) -> int:
        """Count a vote and tell everybody. Raises KeyError for an unknown prompt."""
        self.votes[prompt_id] += 1
        await self._publisher.prompt_change(prompt_id=prompt_id, action="voted")
        return self.votes[prompt_id]

    def shoot(
        self,
        user: str,
        *,
        photos: int,
        fails: bool = False,
        charge: bool = True,
        pace: float | None = None,
    ) -> str:
        """Begin to process a shoot; return its id. `charge`: keepers cost credits."""
        number = next(self._numbers)
        shoot_id = f"shoot-{number}"
        self.titles[shoot_id] = TITLES[(number - 1) % len(TITLES)]
        task = asyncio.create_task(
            self._process(
                user, shoot_id, photos, fails=fails, charge=charge, pace=pace or self._pace
            ),
            name=f"process-{shoot_id}",
        )
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return shoot_id

    async def _process(
        self, user: str, shoot_id: str, photos: int, *, fails: bool, charge: bool, pace: float
    ) -> None:
        async def tell(status: Status, done: int, **more: Any) -> None:
            progress = ShootProgress(
                shoot_id=shoot_id,
                status=status,
                processed_count=done,
                total_count=photos,
                provider="Replicate",
                **more,
            )
            await self._publisher.publish(progress, user_id=user)

        await tell("queued", 0)
        for done in range(1, photos + 1):
            await asyncio.sleep(pace)
            if fails and done > photos // 2:
                reason = f"IMG_{done:04}.jpg is not a photograph"
                await tell("failed", done - 1, error_message=reason)
                return
            left = round((photos - done) * pace)
            await tell("processing", done, current_image=f"IMG_{done:04}.jpg", eta=left)
            if charge and self._rng.random() < KEEPERS:
                try:
                    await self.book(user, -PRICE, f"IMG_{done:04}.jpg is a keeper")
                except NotEnough:
                    await tell("failed", done, error_message="no credits are left: buy some")
                    return
        await tell("completed", photos)

    async def __aenter__(self) -> Business:
        """Begin with nothing to do."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End what still runs."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
