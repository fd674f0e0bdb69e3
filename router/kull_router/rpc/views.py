"""What the router and its store know, as AdminService shows it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from heapq import nsmallest

from kull_protos.contract import addresses
from kull_protos.contract.shard import shard_of
from kull_protos.mesh.v1 import admin_pb2 as pb
from kull_protos.mesh.v1 import attach_pb2
from kull_router import __version__
from kull_router.core import RouterCore
from kull_router.delivery.subscriptions import AT_ONCE, Subscription
from kull_router.queues.entry import Entry
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
            dead_letters=core.measures.events.dead_letters.value,
        )

    def edges(self) -> list[pb.EdgeNode]:
        """Return the edges that are attached here."""
        core = self._core
        return [
            pb.EdgeNode(
                node_id=stream.node_id,
                version=stream.version,
                sessions=core.sessions.registry.count_of(stream.number),
                send_queue_bytes=stream.waiting_bytes,
                attached_at=stream.attached_ms,
            )
            for stream in core.fanout.each()
        ]

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

    def device(self, row: KnownDevice) -> pb.KnownDevice:
        """Return one device, and whether it is connected here."""
        return next(iter(self.devices([row], row.info.user)))

    async def behind_since(self, known: Iterable[KnownDevice], user: str) -> dict[str, int]:
        """Return when the oldest entry was stored that a device has not acknowledged, by device.

        Of those that lack one, in milliseconds since the Unix epoch. Raises StoreUnavailable.
        """
        holds = {
            each.info.device: max(each.cursor, each.initial_head) for each in known if each.follows
        }
        since: dict[int, int | None] = {}
        for position in set(holds.values()):
            address = addresses.of_user(user)
            page = await self._core.store.read(address, after=position, limit=1, max_bytes=1)
            found = page.entries
            since[position] = found[0].event.created_ms + self.off_ms() if found else None
        moments = {device: since[position] for device, position in holds.items()}
        return {device: moment for device, moment in moments.items() if moment is not None}

    async def entries(
        self, address: str, *, after: int, limit: int, max_bytes: int
    ) -> pb.ListEntriesResponse:
        """Return a run of a queue's entries, and its user's devices. Raises StoreUnavailable."""
        store = self._core.store
        info = await store.queue(address)
        if info is None:
            return pb.ListEntriesResponse()
        found = await store.read(address, after=after, limit=limit, max_bytes=max_bytes)
        answer = pb.ListEntriesResponse(
            queue=self.queue(info),
            entries=map(self._entry, found.entries),
            through=found.through,
        )
        if addresses.is_user(address):
            user = address.removeprefix(addresses.USER)
            await self._core.cursors.write_of_users({user})
            answer.devices.extend(self.devices(await store.devices(user), user))
        return answer

    async def followers(self, address: str, limit: int) -> tuple[int, list[pb.Session]]:
        """Return how many sessions follow an address here, and the first by user and device."""
        subscriptions = self._core.subscriptions
        count, keys = subscriptions.followers(address)
        first: list[Subscription] = []
        for start in range(0, len(keys), AT_ONCE):
            some = (subscriptions.get(key, address) for key in keys[start : start + AT_ONCE])
            candidates = [*first, *(each for each in some if each)]
            first = nsmallest(
                limit, candidates, key=lambda each: (each.info.user, each.info.device)
            )
            await asyncio.sleep(0)
        return count, self._followers(first)

    def _followers(self, found: Iterable[Subscription]) -> list[pb.Session]:
        nodes = {stream.number: stream.node_id for stream in self._core.fanout.each()}
        return [
            pb.Session(
                node_id=nodes.get(each.key.stream, ""),
                session_id=each.key.session,
                user_id=each.info.user,
                device=attach_pb2.Device(
                    device_id=each.info.device,
                    name=each.info.name,
                    platform=each.info.platform,
                    ephemeral=each.info.ephemeral,
                ),
            )
            for each in found
        ]

    def off_ms(self) -> int:
        """Return how far the wall clock is ahead of the time that is stored, in milliseconds."""
        clock = self._core.clock
        return clock.wall_ms() - clock.age_ms()

    def _entry(self, entry: Entry) -> pb.QueueEntry:
        event = entry.event
        return pb.QueueEntry(
            seq=entry.seq,
            event_id=event.id,
            type=event.type,
            service=event.service,
            contract=event.contract.value,
            key=event.key,
            final=event.final,
            stored_at=event.created_ms + self.off_ms(),
            size=len(event.body),
            exclude_device_id=event.exclude_device,
        )

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
