"""PresenceService: services ask who is there."""

from __future__ import annotations

import grpc

from kull_protos.contract.limits import MAX_WATCHED
from kull_protos.mesh.v1 import presence_pb2 as pb
from kull_protos.mesh.v1 import presence_pb2_grpc
from kull_router.core import RouterCore

Context = grpc.aio.ServicerContext[pb.UsersRequest, pb.UsersResponse]


class PresenceService(presence_pb2_grpc.PresenceServiceServicer):
    """Asks the core."""

    def __init__(self, core: RouterCore) -> None:
        self._core = core

    async def Users(self, request: pb.UsersRequest, context: Context) -> pb.UsersResponse:
        """Tell the status of users of this router's shards."""
        if len(request.user_ids) > MAX_WATCHED:
            why = f"at most {MAX_WATCHED} users at once"
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, why)
        wanted = dict.fromkeys(request.user_ids)
        return pb.UsersResponse(users=await self._core.status.lookup.users(wanted))
