"""All parts of users' status at one router, and what they are told of."""

from __future__ import annotations

import asyncio

from kull_protos.contract import addresses
from kull_protos.contract.shard import shard_of
from kull_router.access.authority import Authority
from kull_router.broker.port import Broker
from kull_router.clock import Clock
from kull_router.delivery.edge_stream import EdgeStream
from kull_router.delivery.fanout import Fanout
from kull_router.delivery.shards import Shards
from kull_router.delivery.subscriptions import Subscriptions
from kull_router.measures.status import StatusMeasures
from kull_router.queues.presence_log import PresenceLog
from kull_router.sessions.registry import Change, Presence
from kull_router.sessions.sessions import Sessions
from kull_router.settings import RouterSettings
from kull_router.status.announcements import Announcements
from kull_router.status.lookup import Lookup
from kull_router.status.statuses import Statuses
from kull_router.status.watches import Watches


class StatusService:
    """Watches for devices, look-ups for services, events for `kull.presence` if they are wanted."""

    def __init__(
        self,
        settings: RouterSettings,
        *,
        store: PresenceLog,
        broker: Broker,
        shards: Shards,
        sessions: Sessions,
        authority: Authority,
        subscriptions: Subscriptions,
        fanout: Fanout,
        clock: Clock,
        measures: StatusMeasures,
    ) -> None:
        registry = sessions.registry
        self._statuses = Statuses(
            registry,
            shard_of=lambda user: shard_of(addresses.of_user(user), settings.shard_count),
            term_of=lambda shard: shards[shard].term,
            grace=settings.presence_grace,
            now=clock.monotonic,
        )
        self.watches = Watches(
            statuses=self._statuses,
            authority=authority,
            subscriptions=subscriptions,
            fanout=fanout,
            store=store,
            clock=clock,
            measures=measures,
        )
        self.lookup = Lookup(statuses=self._statuses, registry=registry, store=store, clock=clock)
        self._announcements: Announcements | None = None
        if settings.presence_events:
            self._announcements = Announcements(
                statuses=self._statuses,
                registry=registry,
                store=store,
                broker=broker,
                clock=clock,
                measures=measures,
                publish_timeout=settings.publish_timeout,
            )
        registry.changed = self._changed

    @property
    def waiting(self) -> int:
        """See `Announcements.waiting`."""
        return self._announcements.waiting if self._announcements else 0

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Work as tasks of a group."""
        tasks.create_task(self.watches.run(), name="watches")
        if self._announcements:
            tasks.create_task(self._announcements.run(), name="presence-events")

    def moved(self, shard: int) -> None:
        """A shard has a new term here, or none; the registry has forgotten its devices."""
        self._statuses.moved(shard)
        self.watches.moved(shard)
        if self._announcements:
            self._announcements.moved(shard)

    def detach(self, stream: EdgeStream) -> None:
        """An edge is gone."""
        self.watches.detach(stream)

    def _changed(self, presence: Presence, change: Change) -> None:
        self._statuses.changed(presence, change)
        self.watches.changed(presence, change)
        if self._announcements:
            self._announcements.changed(presence, change)
