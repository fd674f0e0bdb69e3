"""Who looks on gets each look once, however slow, and only as long as they may."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from kull_console.api import live
from kull_console.api.live import Viewers
from kull_console.mesh.history import Point


class Watched:
    """A watch whose looks are made by hand."""

    def __init__(self) -> None:
        self.closed = False
        self.overview = {"sessions": 0}
        self._points: list[Point] = []
        self.looks = 0
        self._looked = asyncio.Event()

    def points(self, behind: int = 0) -> list[Point]:
        return [each for each in self._points if each.number > behind]

    def codes(self) -> list[dict[str, Any]]:
        return []

    async def beyond(self, looks: int) -> None:
        while self.looks <= looks:
            await self._looked.wait()

    def look(self, times: int = 1) -> None:
        for _ in range(times):
            number = len(self._points) + 1
            self._points.append(
                Point(
                    number=number,
                    at=1,
                    seconds=1,
                    sessions=number,
                    events=0,
                    deliveries=0,
                    dead=0,
                    behind=None,
                )
            )
        self.looks += 1
        looked, self._looked = self._looked, asyncio.Event()
        looked.set()


async def told(stream: AsyncIterator[str]) -> tuple[str, dict[str, Any]]:
    text = await asyncio.wait_for(anext(stream), 5)
    event, data = text.strip().split("\n")
    return event.removeprefix("event: "), json.loads(data.removeprefix("data: "))


async def numbers(stream: AsyncIterator[str]) -> list[int]:
    event, data = await told(stream)
    assert event == "look"
    return [each["number"] for each in data["points"]]


async def test_the_first_event_has_the_last_minutes_and_the_next_ones_what_is_new() -> None:
    watched = Watched()
    watched.look(3)
    viewers = Viewers(watched)  # type: ignore[arg-type]
    stream = viewers.stream(lambda: True)

    assert await numbers(stream) == [1, 2, 3]
    assert len(viewers) == 1
    following = asyncio.create_task(numbers(stream), name="viewer")
    await asyncio.sleep(0)
    watched.look(2)
    assert await following == [4, 5]

    await stream.aclose()  # type: ignore[attr-defined]
    assert len(viewers) == 0


async def test_who_may_no_more_is_told_and_gets_nothing_else() -> None:
    watched = Watched()
    stream = Viewers(watched).stream(lambda: False)  # type: ignore[arg-type]
    await told(stream)
    ending = asyncio.create_task(told(stream), name="viewer")
    await asyncio.sleep(0)
    watched.look()

    assert await ending == ("end", {})
    assert await anext(stream, None) is None


async def test_silence_is_filled_so_that_a_dead_connection_is_noticed(monkeypatch: Any) -> None:
    monkeypatch.setattr(live, "SILENCE", 0.01)
    stream = Viewers(Watched()).stream(lambda: True)  # type: ignore[arg-type]
    await told(stream)

    assert (await asyncio.wait_for(anext(stream), 5)).startswith(":")
    await stream.aclose()  # type: ignore[attr-defined]
