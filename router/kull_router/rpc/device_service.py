"""DeviceService: what a person asks for with a device token, by way of a gateway."""

from __future__ import annotations

import grpc

from kull_protos.mesh.v1 import device_pb2 as pb
from kull_protos.mesh.v1 import device_pb2_grpc
from kull_router.core import RouterCore
from kull_router.sessions.sign_out import NotOwner, SignOutRefused

Context = grpc.aio.ServicerContext[pb.SignOutRequest, pb.SignOutResponse]


class DeviceService(device_pb2_grpc.DeviceServiceServicer):
    """Each method asks the core and translates."""

    def __init__(self, core: RouterCore) -> None:
        self._core = core

    async def SignOut(self, request: pb.SignOutRequest, context: Context) -> pb.SignOutResponse:
        """Sign a device out."""
        try:
            event_id = await self._core.sign_out.by_token(request.token, request.device_id)
        except SignOutRefused as refused:
            return pb.SignOutResponse(error_code=refused.code, error=str(refused))
        except NotOwner as error:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        return pb.SignOutResponse(event_id=event_id)
