"""What the router and its store know, as AdminService shows it."""

from __future__ import annotations

from collections.abc import Iterable

from kull_protos.contract.shard import shard_of
from kull_protos.mesh.v1 import admin_pb2 as pb
from kull_protos.mesh.v1 import attach_pb2
from kull_router import __version__, metrics
from kull_router.core import RouterCore
from kull_router.queues.port import KnownDevice, QueueInfo
from kull_router.sessions.presence import device_message
from kull_router.sessions.registry import Presence


class Views:
    """Translates; changes nothing."""

    def __init__(self, core: RouterCore) -> None:
        self._core = core

    def router(self) -> pb.RouterNode:
        """Return this router, with the shards that it owns."""
        core = self._core
        return pb.RouterNode(
            router_id=core.settings.router_id,
            version=__version__,
            epoch=core.store.epoch,
            shard_count=core.settings.shard_count,
            owned=[attach_pb2.ShardTerm(shard=s, term=t) for s, t in sorted(core.terms.items())],
            broker_connected=core.broker.connected,
            dead_letters=metrics.dead_letters(),
        )

    def queue(self, info: QueueInfo) -> pb.Queue:
        """Return a queue's figures."""
        return pb.Queue(
            address=info.address,
            shard=shard_of(info.address, self._core.settings.shard_count),
            head=info.head,
            floor=info.floor,
            entries=info.entries,
        )

    def devices(self, known: Iterable[KnownDevice], user: str) -> list[pb.KnownDevice]:
        """Return a user's devices, with those of them that are connected here."""
        connected = {
            presence.info.device: presence
            for presence in self._core.sessions.registry.connected(user)
        }
        return [self._device(row, connected.get(row.info.device)) for row in known]

    def off_ms(self) -> int:
        """Return how far the wall clock is ahead of the time that is stored, in milliseconds."""
        clock = self._core.clock
        return clock.wall_ms() - clock.age_ms()

    def _device(self, row: KnownDevice, presence: Presence | None) -> pb.KnownDevice:
        if presence:
            device = device_message(presence)
        else:
            device = attach_pb2.Device(
                device_id=row.info.device,
                name=row.info.name,
                platform=row.info.platform,
                ephemeral=row.info.ephemeral,
            )
        return pb.KnownDevice(
            device=device,
            connected=presence is not None,
            cursor=row.cursor,
            last_seen=row.last_seen_ms + self.off_ms(),
            initial_head=row.initial_head,
            follows=row.follows,
        )
