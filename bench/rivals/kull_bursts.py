"""Kull Sync whose publisher sends in bursts."""

from __future__ import annotations

import functools
from collections.abc import Callable

from bench.load.burst_outlet import BurstOutlet
from bench.load.outlets import Outlet, Route
from bench.rivals.kull import Kull


class KullBursts(Kull):
    """See `Rival`: as `Kull`, but what waits for the same shard shares a message."""

    def __init__(self) -> None:
        super().__init__()
        self.name = "Kull, bursts"

    def outlet(self) -> Callable[[], Outlet]:
        """See `Rival.outlet`."""
        return functools.partial(BurstOutlet, Route(url=self._broker.url))
