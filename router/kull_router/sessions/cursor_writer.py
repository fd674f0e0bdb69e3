"""Writes acknowledged positions to the store, behind and in steps."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from math import ceil
from typing import Final, NoReturn

import structlog

from kull_router.clock import Clock
from kull_router.delivery.journal import Journal
from kull_router.errors import StoreError
from kull_router.measures.store import StoreMeasures
from kull_router.queues.port import CursorUpdate, DeviceInfo, Store
from kull_router.sessions.cursors import Cursors

log = structlog.get_logger(__name__)

FLUSH_STEP: Final = 64  # cursors per transaction: what else waits for the store goes in between


class CursorWriter:
    """Owns the cursors that are not written yet.

    interval: seconds between two writes.
    """

    def __init__(
        self,
        *,
        store: Store,
        journal: Journal,
        clock: Clock,
        interval: float,
        measures: StoreMeasures,
    ) -> None:
        self._measures = measures
        self._store = store
        self._journal = journal
        self._clock = clock
        self._interval = interval
        self._cursors = Cursors()

    def __len__(self) -> int:
        """How many wait to be written."""
        return len(self._cursors)

    def move(self, address: str, device: DeviceInfo, seq: int) -> None:
        """Note that a device has processed a queue up to seq."""
        self._cursors.move(address, device.user, device.device, seq)

    async def write_of(self, address: str, device: DeviceInfo) -> None:
        """Write what waits for one device in one queue. Raises StoreUnavailable."""
        await self._write(self._cursors.take_of(device.user, device.device, address))

    async def write_of_users(self, users: Collection[str]) -> None:
        """Write what waits for all devices of these users. Raises StoreError."""
        await self._write(self._cursors.take_of_users(users))

    async def run(self) -> NoReturn:
        """Flush for ever."""
        while True:
            await asyncio.sleep(self._interval)
            await self.flush()

    async def flush(self) -> None:
        """Write what waits; what cannot be written now stays for the next time.

        In steps: events that wait for the store go in between.
        """
        for _ in range(ceil(len(self._cursors) / FLUSH_STEP)):
            updates = self._cursors.take(FLUSH_STEP)
            if not updates:
                return
            try:
                await self._write(updates)
            except StoreError as error:
                log.warning("cursors_not_written", cursors=len(updates), why=str(error))
                return

    async def _write(self, updates: Sequence[CursorUpdate]) -> None:
        """Write positions; they wait again if that fails, or is cancelled: twice does no harm."""
        if not updates:
            return
        try:
            await self._store.advance(updates, self._clock.age_ms())
        except BaseException:
            for update in updates:
                self._cursors.move(update.address, update.user, update.device, update.seq)
            raise
        self._journal.acknowledged(updates)
        self._measures.cursors.value += len(updates)
