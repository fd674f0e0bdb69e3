"""One look at the routers serves all who look."""

from __future__ import annotations

import asyncio
from typing import Any

from kull_console.mesh.watch import Watch
from tests.unit.console.answers import NOW, overview


class Routers:
    def __init__(self) -> None:
        self.asked = 0

    async def each(
        self, method: str, request: Any, *, deadline: float
    ) -> tuple[dict[str, Any], dict[str, str]]:
        self.asked += 1
        return {"r-1:1": overview(counters={"stored": self.asked * 10})}, {}


def watch(routers: Routers) -> Watch:
    clock = iter(range(1, 1_000))
    return Watch(routers, clock=lambda: float(next(clock)), wall_ms=lambda: NOW)  # type: ignore[arg-type]


async def test_all_who_wait_are_told_of_the_same_look() -> None:
    routers = Routers()
    watched = watch(routers)
    waiting = [asyncio.create_task(watched.beyond(0), name=f"viewer-{n}") for n in range(10)]
    await asyncio.sleep(0)

    await watched.look()
    await asyncio.wait_for(asyncio.gather(*waiting), 5)

    assert routers.asked == 1
    assert watched.overview and watched.overview["routers"][0]["id"] == "router-1"


async def test_points_follow_from_the_second_look_on() -> None:
    watched = watch(Routers())
    await watched.look()
    assert watched.points() == []
    await watched.look()
    await watched.look()
    assert [each.number for each in watched.points()] == [1, 2]
    assert [each.number for each in watched.points(1)] == [2]


async def test_at_its_end_nobody_waits_for_ever() -> None:
    watched = watch(Routers())
    life = asyncio.create_task(watched.run(), name="watch")
    await asyncio.wait_for(watched.beyond(0), 5)
    viewer = asyncio.create_task(watched.beyond(watched.looks + 99), name="viewer")
    await asyncio.sleep(0)

    life.cancel()
    await asyncio.wait_for(viewer, 5)

    assert watched.closed
    await asyncio.gather(life, return_exceptions=True)
