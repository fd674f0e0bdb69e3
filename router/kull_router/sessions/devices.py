"""Devices that come and go: their users' other devices are told, their rows are kept young."""

from __future__ import annotations

import asyncio
from typing import NoReturn

import structlog

from kull_router.clock import Clock
from kull_router.delivery.shards import Shards
from kull_router.errors import StoreError
from kull_router.queues.port import Store
from kull_router.sessions.presence import device_event
from kull_router.sessions.registry import Presence, Registry
from kull_router.settings import RouterSettings

log = structlog.get_logger(__name__)


class Devices:
    """Tells of what the registry knows."""

    def __init__(
        self,
        settings: RouterSettings,
        *,
        registry: Registry,
        store: Store,
        shards: Shards,
        clock: Clock,
    ) -> None:
        self._grace = settings.presence_grace
        self._touch_interval = settings.keep_ephemeral_devices_for / 3
        self._registry = registry
        self._store = store
        self._shards = shards
        self._clock = clock

    async def announce(self, presence: Presence) -> None:
        """Tell the others that a device is connected, once per presence."""
        if not presence.announced:
            presence.announced = True
            await self._tell(presence, connected=True)

    async def gone(self, presence: Presence) -> str:
        """Tell the others that a device is gone for good, and return the event's id."""
        return await self._tell(presence, connected=False)

    async def run(self) -> NoReturn:
        """Tell the others when a device's grace is over."""
        interval = max(0.05, self._grace / 10)
        while True:
            await asyncio.sleep(interval)
            now = self._clock.monotonic()
            for presence in self._registry.expire(now):
                await self._touch(presence, self._registry.absent_for(presence, now))
                if presence.announced:
                    await self._tell(presence, connected=False)

    async def run_touch(self) -> NoReturn:
        """Keep the rows of connected devices young, however long they stay connected."""
        while True:
            await asyncio.sleep(self._touch_interval)
            for _, presence in self._registry.sessions():
                await self._touch(presence)

    async def _tell(self, presence: Presence, *, connected: bool) -> str:
        event = device_event(
            presence,
            connected=connected,
            event_id=self._clock.new_id(),
            now_ms=self._clock.wall_ms(),
            age_ms=self._clock.age_ms(),
        )
        await self._shards[presence.shard].submit(event)
        return event.id

    async def _touch(self, presence: Presence, absent_for: float = 0.0) -> None:
        seen_ms = self._clock.age_ms() - round(absent_for * 1000)
        try:
            await self._store.touch(presence.info, seen_ms)
        except StoreError as error:
            log.warning("device_not_touched", why=str(error))
        except Exception:
            # One device's row must not take the router down with everybody.
            log.exception("device_not_touched")
