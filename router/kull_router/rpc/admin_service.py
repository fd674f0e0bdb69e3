"""AdminService: what the router knows, and closing sessions; see `console_methods` as well."""

from __future__ import annotations

import grpc

from kull_protos.mesh.v1 import admin_pb2 as pb
from kull_router.core import RouterCore
from kull_router.errors import StoreError
from kull_router.rpc.console_methods import ConsoleMethods, page
from kull_router.rpc.explanation import Explanation
from kull_router.sessions.presence import device_message

Context = grpc.aio.ServicerContext


class AdminService(ConsoleMethods):
    """Each method asks the core and translates."""

    def __init__(self, core: RouterCore) -> None:
        super().__init__(core)
        self._explanation = Explanation(core, self._views)

    async def ListNodes(
        self,
        request: pb.ListNodesRequest,
        context: Context[pb.ListNodesRequest, pb.ListNodesResponse],
    ) -> pb.ListNodesResponse:
        """Return this router and its edges."""
        return pb.ListNodesResponse(router=self._views.router(), edges=self._views.edges())

    async def ListSessions(
        self,
        request: pb.ListSessionsRequest,
        context: Context[pb.ListSessionsRequest, pb.ListSessionsResponse],
    ) -> pb.ListSessionsResponse:
        """Return the sessions registered here."""
        nodes = {stream.number: stream.node_id for stream in self._core.fanout.each()}
        registry, limit = self._core.sessions.registry, page(request.limit)
        if request.user_id:
            chosen = registry.connected(request.user_id)[:limit]
        else:
            chosen = [presence for _, presence in registry.sessions(limit)]
        found = [
            pb.Session(
                node_id=nodes.get(presence.session.stream, ""),
                session_id=presence.session.session,
                user_id=presence.info.user,
                device=device_message(presence),
            )
            for presence in chosen
            if presence.session
        ]
        return pb.ListSessionsResponse(sessions=found)

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
            queues = await self._core.store.queues(after=request.after, limit=page(request.limit))
        return pb.ListQueuesResponse(queues=map(self._views.queue, queues))

    async def ListDevices(
        self,
        request: pb.ListDevicesRequest,
        context: Context[pb.ListDevicesRequest, pb.ListDevicesResponse],
    ) -> pb.ListDevicesResponse:
        """Return the known devices of a user."""
        if not request.user_id:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "user_id is required")
        known = await self._core.store.devices(request.user_id)
        since = await self._views.behind_since(known, request.user_id)
        devices = self._views.devices(known, request.user_id)
        for device in devices:
            if moment := since.get(device.device.device_id):
                device.behind_since = moment
        return pb.ListDevicesResponse(devices=devices)

    async def Explain(
        self,
        request: pb.ExplainRequest,
        context: Context[pb.ExplainRequest, pb.ExplainResponse],
    ) -> pb.ExplainResponse:
        """Return what is known of an event, or of a device."""
        if not request.event_id and not request.user_id:
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT, "say which: event_id, or user_id with device_id"
            )
        return await self._explanation.of(request)

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
