"""The status of users for services that ask."""

from __future__ import annotations

from collections.abc import Iterable

from kull_protos.mesh.v1 import presence_pb2 as pb
from kull_router.clock import Clock
from kull_router.queues.presence_log import PresenceLog
from kull_router.sessions.presence import device_message
from kull_router.sessions.registry import Registry
from kull_router.status.statuses import Statuses
from kull_router.status.watches import known, message_of


class Lookup:
    """Answers for the users whose shards this router owns."""

    def __init__(
        self, *, statuses: Statuses, registry: Registry, store: PresenceLog, clock: Clock
    ) -> None:
        self._statuses = statuses
        self._registry = registry
        self._store = store
        self._clock = clock

    async def users(self, users: Iterable[str]) -> list[pb.UserPresence]:
        """Return the statuses that are known here, with the devices that are there."""
        found = await known(users, self._statuses, self._store, self._clock)
        return [
            pb.UserPresence(
                status=message_of(status, seen_ms),
                devices=map(device_message, self._registry.present(status.user)),
            )
            for status, seen_ms in found
        ]
