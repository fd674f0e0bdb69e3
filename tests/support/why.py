"""`kull why`, asked by tests, and what they make happen."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kull_producers import Publisher
from tests.support.command import Kull
from tests.support.device import Device, device, token

PATIENCE = 20.0  # seconds


@dataclass(frozen=True, slots=True)
class Told:
    """What `kull why` says: of an event, and by device."""

    verdict: str
    lines: list[str]
    devices: dict[str, tuple[str, str]]
    caveats: list[str]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


class Why:
    """`kull why` against a mesh."""

    def __init__(self, kull: Kull, routers: str) -> None:
        self._kull = kull
        self._routers = routers

    def printed(self, *arguments: str) -> str:
        ran = self._kull("why", *arguments, "--routers", self._routers)
        assert ran.code == 0, ran.err
        return ran.out

    def __call__(self, *arguments: str) -> Told:
        told: dict[str, Any] = json.loads(self.printed(*arguments, "--json"))
        (story,) = told["stories"]
        return Told(
            story["verdict"],
            [line["text"] for line in story["lines"]],
            {one["device"]: (one["verdict"], one["text"]) for one in story["devices"]},
            told["caveats"],
        )

    async def until(self, right: Callable[[Told], bool], *arguments: str) -> Told:
        """Ask until the answer is right: what devices do reaches the routers in a moment."""
        deadline = time.monotonic() + PATIENCE
        while not right(told := self(*arguments)):
            assert time.monotonic() < deadline, told
            await asyncio.sleep(0.1)
        return told


async def credit(publisher: Publisher, user: str, balance: int, **more: str) -> str:
    return await publisher.credit_update(
        user_id=user, new_balance=balance, change=1, reason="Test", **more
    )


async def tick(publisher: Publisher, user: str, done: int) -> str:
    return await publisher.shoot_progress(
        user_id=user,
        shoot_id="s1",
        status="processing",
        processed_count=done,
        total_count=500,
        provider="Test",
    )


async def take(each: Device) -> None:
    await each.ack(await each.event())


async def once(url: str, user: str, name: str) -> None:
    """A device connects and goes: from then on it is known."""
    async with device(url, token(user, name)):
        pass
