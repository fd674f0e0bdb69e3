"""What a gateway has done for a person by the routers: signing out a device."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import grpc
import structlog

from kull_edge.link.channels import Channels
from kull_gateway.device_route import SignOutRefused
from kull_protos.contract.error_codes import ErrorCode
from kull_protos.mesh.v1.device_pb2 import SignOutRequest, SignOutResponse
from kull_protos.mesh.v1.device_pb2_grpc import DeviceServiceStub

log = structlog.get_logger(__name__)

DEADLINE: Final = 5.0  # seconds; a router waits up to one for the clock's next second
AT_ONCE: Final = 32  # further ones wait: each may cost a router a signature


class RouterSignOut:
    """`device_route.SignOut` by the router that owns the user's shard.

    Args:
        routers: host:port of each.
        channels: to them; the caller's.
    """

    def __init__(self, routers: Sequence[str], channels: Channels) -> None:
        self._routers = routers
        self._channels = channels
        self._seats = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, token: str, device_id: str) -> None:
        """See `device_route.SignOut`."""
        request = SignOutRequest(token=token, device_id=device_id)
        async with self._seats:
            for target in self._routers:
                answer = await self._ask(target, request)
                if answer is None:
                    continue
                if answer.error_code:
                    raise SignOutRefused(answer.error_code, answer.error)
                return
        raise SignOutRefused(
            ErrorCode.UNAVAILABLE, "no router serves this user now: send it again in a moment"
        )

    async def _ask(self, target: str, request: SignOutRequest) -> SignOutResponse | None:
        """Return the owner's answer; None: it is not the owner, or does not answer."""
        devices: Any = DeviceServiceStub(self._channels.to(target))
        try:
            answer: SignOutResponse = await devices.SignOut(request, timeout=DEADLINE)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.FAILED_PRECONDITION:
                log.warning("sign_out_not_asked", router=target, why=error.details())
            return None
        return answer
