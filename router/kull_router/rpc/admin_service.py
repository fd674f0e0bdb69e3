"""AdminService: what the router knows, and closing sessions."""

from __future__ import annotations

import grpc

from kull_protos.contract.shard import shard_of
from kull_protos.mesh.v1 import admin_pb2 as pb
from kull_protos.mesh.v1 import admin_pb2_grpc, attach_pb2
from kull_router import __version__, metrics
from kull_router.core import RouterCore
from kull_router.errors import StoreError
from kull_router.queues.port import KnownDevice, QueueInfo
from kull_router.sessions.presence import device_message
from kull_router.sessions.registry import Presence

Context = grpc.aio.ServicerContext

_PAGE = 100
_MAX_PAGE = 1_000


class AdminService(admin_pb2_grpc.AdminServiceServicer):
    """Each method asks the core and translates."""

    def __init__(self, core: RouterCore) -> None:
        self._core = core

    async def ListNodes(
        self,
        request: pb.ListNodesRequest,
        context: Context[pb.ListNodesRequest, pb.ListNodesResponse],
    ) -> pb.ListNodesResponse:
        """Return this router and its edges."""
        core = self._core
        sessions: dict[int, int] = {}
        for key, _ in core.sessions.registry.sessions():
            sessions[key.stream] = sessions.get(key.stream, 0) + 1
        router = pb.RouterNode(
            router_id=core.settings.router_id,
            version=__version__,
            epoch=core.store.epoch,
            shard_count=core.settings.shard_count,
            owned=[attach_pb2.ShardTerm(shard=s, term=t) for s, t in sorted(core.terms.items())],
            broker_connected=core.broker.connected,
            dead_letters=metrics.dead_letters(),
        )
        edges = [
            pb.EdgeNode(
                node_id=stream.node_id,
                version=stream.version,
                sessions=sessions.get(stream.number, 0),
                send_queue_bytes=stream.waiting_bytes,
                attached_at=stream.attached_ms,
            )
            for stream in core.fanout.each()
        ]
        return pb.ListNodesResponse(router=router, edges=edges)

    async def ListSessions(
        self,
        request: pb.ListSessionsRequest,
        context: Context[pb.ListSessionsRequest, pb.ListSessionsResponse],
    ) -> pb.ListSessionsResponse:
        """Return the sessions registered here."""
        nodes = {stream.number: stream.node_id for stream in self._core.fanout.each()}
        found = [
            pb.Session(
                node_id=nodes.get(key.stream, ""),
                session_id=key.session,
                user_id=presence.info.user,
                device=device_message(presence),
            )
            for key, presence in self._core.sessions.registry.sessions()
            if request.user_id in {"", presence.info.user}
        ]
        return pb.ListSessionsResponse(sessions=found[: _page(request.limit)])

    async def ListQueues(
        self,
        request: pb.ListQueuesRequest,
        context: Context[pb.ListQueuesRequest, pb.ListQueuesResponse],
    ) -> pb.ListQueuesResponse:
        """Return stored queues in address order, or the one asked for."""
        if request.address:
            one = await self._core.store.queue(request.address)
            queues = [one] if one else []
        else:
            queues = await self._core.store.queues(after=request.after, limit=_page(request.limit))
        return pb.ListQueuesResponse(queues=map(self._queue, queues))

    def _queue(self, info: QueueInfo) -> pb.Queue:
        return pb.Queue(
            address=info.address,
            shard=shard_of(info.address, self._core.settings.shard_count),
            head=info.head,
            floor=info.floor,
            entries=info.entries,
        )

    async def ListDevices(
        self,
        request: pb.ListDevicesRequest,
        context: Context[pb.ListDevicesRequest, pb.ListDevicesResponse],
    ) -> pb.ListDevicesResponse:
        """Return the known devices of a user."""
        if not request.user_id:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "user_id is required")
        connected = {
            presence.info.device: presence
            for presence in self._core.sessions.registry.connected(request.user_id)
        }
        known = await self._core.store.devices(request.user_id)
        clock = self._core.clock
        return pb.ListDevicesResponse(
            devices=[
                _known(row, connected.get(row.info.device), off_ms=clock.wall_ms() - clock.age_ms())
                for row in known
            ]
        )

    async def Disconnect(
        self,
        request: pb.DisconnectRequest,
        context: Context[pb.DisconnectRequest, pb.DisconnectResponse],
    ) -> pb.DisconnectResponse:
        """Close sessions of a user or of one device."""
        if not request.user_id:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "user_id is required")
        closed = self._core.sessions.disconnect(request.user_id, request.device_id, request.reason)
        return pb.DisconnectResponse(sessions=closed)

    async def Revoke(
        self,
        request: pb.RevokeRequest,
        context: Context[pb.RevokeRequest, pb.RevokeResponse],
    ) -> pb.RevokeResponse:
        """Take device tokens back.

        Tokens that are issued after the answer count, whole seconds or not.
        """
        if request == pb.RevokeRequest() or (request.device_id and not request.user_id):
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT,
                "say whose: user_id (with device_id, if you like), token_id, or issued_before",
            )
        try:
            closed = await self._core.enforcement.revoke(
                user=request.user_id,
                device=request.device_id,
                token_id=request.token_id,
                issued_before_ms=request.issued_before,
            )
        except StoreError as error:
            await context.abort(
                grpc.StatusCode.UNAVAILABLE, f"nothing was revoked, try again: {error}"
            )
        if not (request.token_id or request.issued_before):
            await self._core.enforcement.next_second()
        return pb.RevokeResponse(sessions=closed)

    async def Drain(
        self,
        request: pb.DrainRequest,
        context: Context[pb.DrainRequest, pb.DrainResponse],
    ) -> pb.DrainResponse:
        """Make a node stop in order."""
        sessions = self._core.drain(request.node_id, request.reason or "an operator drains it")
        if sessions is None:
            await context.abort(
                grpc.StatusCode.NOT_FOUND,
                f"no node {request.node_id!r} is known here: see `kull nodes`",
            )
        return pb.DrainResponse(sessions=sessions or 0)


def _page(limit: int) -> int:
    return min(limit or _PAGE, _MAX_PAGE)


def _known(row: KnownDevice, presence: Presence | None, *, off_ms: int) -> pb.KnownDevice:
    """`off_ms`: how far the wall clock is ahead of the time that is stored."""
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
        last_seen=row.last_seen_ms + off_ms,
    )
