"""The overview, live: server-sent events, one look at the routers for all who look."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

from kull_console.api.gate import Gate
from kull_console.errors import Problem
from kull_console.mesh.watch import Watch

MOST_VIEWERS: Final = 100
SILENCE: Final = 15.0  # seconds, then a comment shows that the connection lives


class Viewers:
    """Who looks on. Nothing waits for them: who is slow gets the newest, and the points between."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def ready(self) -> bool:
        """Whether a router has answered the last look."""
        overview = self._watch.overview
        return overview is not None and bool(overview["routers"])

    def now(self, behind: int = 0) -> dict[str, Any]:
        """Return how things stand, with the points behind one."""
        points = self._watch.points(behind)
        return {
            "overview": self._watch.overview,
            "points": [each.as_dict() for each in points],
            "codes": self._watch.codes(),
        }

    async def stream(self, may_stay: Callable[[], bool]) -> AsyncIterator[str]:
        """Yield an event for each look, as long as whoever looks may."""
        self._count += 1
        try:
            last = 0
            while not self._watch.closed:
                looks = self._watch.looks
                told = self.now(last)
                last = told["points"][-1]["number"] if told["points"] else last
                yield _event("look", told)
                while not await self._looked(looks):
                    yield ": nothing new\n\n"
                if not may_stay():
                    yield _event("end", {})
                    return
        finally:
            self._count -= 1

    async def _looked(self, looks: int) -> bool:
        try:
            async with asyncio.timeout(SILENCE):
                await self._watch.beyond(looks)
        except TimeoutError:
            return False
        return True


def add(app: FastAPI, viewers: Viewers, gate: Gate) -> None:
    """Add the routes to an app."""

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        """Answer as long as the process runs."""
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> dict[str, str]:
        """Answer if a router did."""
        if not viewers.ready:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "no router answers: see the log")
        return {"status": "ok"}

    @app.get("/console/api/overview")
    async def overview(request: Request) -> dict[str, Any]:
        """Tell how things stand."""
        gate.reader(request)
        return viewers.now()

    @app.get("/console/api/live")
    async def live(request: Request) -> StreamingResponse:
        """Tell how things stand, again and again."""
        gate.reader(request)
        if len(viewers) >= MOST_VIEWERS:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, f"{MOST_VIEWERS} pages look on already")
        return StreamingResponse(
            viewers.stream(lambda: gate.find(request, use=False) is not None),
            media_type="text/event-stream",
            headers={"X-Accel-Buffering": "no"},
        )


def _event(name: str, value: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(value, separators=(',', ':'))}\n\n"
