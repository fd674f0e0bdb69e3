"""All shards of the deployment at this router."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import NoReturn

import structlog

from kull_protos.contract.shard import shard_of
from kull_router.broker.port import Broker
from kull_router.clock import Clock
from kull_router.delivery.fanout import Fanout
from kull_router.delivery.journal import Journal
from kull_router.delivery.ownership import Ownership
from kull_router.delivery.shard import Shard
from kull_router.delivery.store_traces import StoreTraces
from kull_router.errors import BrokerError
from kull_router.measures.router import RouterMeasures
from kull_router.queues.port import Store
from kull_router.settings import RouterSettings

log = structlog.get_logger(__name__)


class Shards:
    """Runs every shard, probes them, and tells the edges which ones this router owns.

    `moved` is called with a shard that has a new term here, or none: whoever follows a queue of it
    has to subscribe again.
    """

    def __init__(
        self,
        settings: RouterSettings,
        *,
        broker: Broker,
        store: Store,
        fanout: Fanout,
        journal: Journal,
        traces: StoreTraces,
        clock: Clock,
        measures: RouterMeasures,
        moved: Callable[[int], None],
    ) -> None:
        self._settings = settings
        self._broker = broker
        self._fanout = fanout
        self._moved = moved
        self.ownership = Ownership(
            router_id=settings.router_id,
            shard_count=settings.shard_count,
            preferred=settings.preference,
            moved=self._on_moved,
            told=self._tell,
        )
        self._shards = [
            Shard(
                claim,
                settings=settings,
                broker=broker,
                store=store,
                fanout=fanout,
                journal=journal,
                traces=traces,
                clock=clock,
                measures=measures,
            )
            for claim in self.ownership.claims
        ]

    def __iter__(self) -> Iterator[Shard]:
        return iter(self._shards)

    def __getitem__(self, number: int) -> Shard:
        return self._shards[number]

    def of(self, address: str) -> Shard:
        """Return the shard of an address."""
        return self._shards[shard_of(address, self._settings.shard_count)]

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Run everything as tasks of a group."""
        for shard in self._shards:
            tasks.create_task(shard.run(), name=f"shard-{shard.number:02d}")
            tasks.create_task(shard.run_internal(), name=f"shard-{shard.number:02d}-internal")
        tasks.create_task(self._probe(), name="probe")

    async def _probe(self) -> NoReturn:
        """Let every shard's active consumer notice that it is the active one, or no more."""
        while True:
            try:
                for probe in self.ownership.probes():
                    await self._broker.publish(probe)
            except BrokerError as error:
                log.debug("probe_failed", why=str(error))
            await asyncio.sleep(self._settings.probe_interval)

    def _on_moved(self, shard: int) -> None:
        self._moved(shard)
        owned = len(self.ownership.terms)
        if owned in {0, self._settings.shard_count}:
            log.info("shards_owned", shards=owned, of=self._settings.shard_count)
        self._tell()

    def _tell(self) -> None:
        self._fanout.announce(self.ownership.frame())
