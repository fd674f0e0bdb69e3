"""One look at the routers for all who look, every few seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, NoReturn

from kull_console.mesh.history import History, Point
from kull_console.mesh.routers import Routers
from kull_console.mesh.snapshot import snapshot
from kull_protos.mesh.v1 import admin_pb2 as pb

EVERY: Final = 2.5  # seconds
PATIENCE: Final = 2.0  # seconds for an answer


class Watch:
    """Keeps the last answer, and the last minutes. `run` is its life.

    Args:
        routers: who is asked.
        clock: seconds, that only grow.
        wall_ms: milliseconds since the Unix epoch.
    """

    def __init__(
        self, routers: Routers, *, clock: Callable[[], float], wall_ms: Callable[[], int]
    ) -> None:
        self._routers = routers
        self._clock, self._wall_ms = clock, wall_ms
        self._history = History(every=EVERY)
        self._looked = asyncio.Event()  # is set, and replaced, with each look
        self.overview: dict[str, Any] | None = None  # see `snapshot`; None: nothing is known yet
        self.looks = 0
        self.closed = False

    def points(self, behind: int = 0) -> list[Point]:
        """Return the points of the last minutes behind one."""
        return self._history.since(behind)

    def codes(self) -> list[dict[str, Any]]:
        """Return how often sessions were refused and closed in the last minutes, by code."""
        return self._history.codes()

    async def beyond(self, looks: int) -> None:
        """Wait until there were more looks than so many, or there are no more."""
        while self.looks <= looks and not self.closed:
            await self._looked.wait()

    async def look(self) -> None:
        """Ask the routers once."""
        began = self._clock()
        answers, silent = await self._routers.each(
            "Overview", pb.OverviewRequest(), deadline=PATIENCE
        )
        now = self._clock()
        self._history.add(answers, now, self._wall_ms())
        self.overview = snapshot(answers, silent, took_ms=(now - began) * 1000)
        self.looks += 1
        looked, self._looked = self._looked, asyncio.Event()
        looked.set()

    async def run(self) -> NoReturn:
        """Look until cancelled; who waits for the next look is told that there is none."""
        try:
            while True:
                began = self._clock()
                await self.look()
                await asyncio.sleep(max(0.0, began + EVERY - self._clock()))
        finally:
            self.closed = True
            self._looked.set()
