"""What a gateway asks the routers for a service: who is there."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import grpc
import structlog

from kull_edge.link.channels import Channels
from kull_gateway.presence_route import NobodyAnswers, PresentDevice, UserPresence
from kull_protos.mesh.v1 import presence_pb2 as pb
from kull_protos.mesh.v1.presence_pb2_grpc import PresenceServiceStub

log = structlog.get_logger(__name__)

DEADLINE: Final = 2.0  # seconds; who does not answer by then knows nobody


class RouterPresence:
    """`presence_route.AskPresence` by all routers at once: each tells of the users it owns.

    Args:
        routers: host:port of each.
        channels: to them; the caller's.
    """

    def __init__(self, routers: Sequence[str], channels: Channels) -> None:
        self._routers = routers
        self._channels = channels

    async def __call__(self, users: Sequence[str]) -> Mapping[str, UserPresence]:
        """See `AskPresence`."""
        request = pb.UsersRequest(user_ids=users)
        asked = await asyncio.gather(*(self._ask(target, request) for target in self._routers))
        answers = [answer for answer in asked if answer is not None]
        if not answers:
            raise NobodyAnswers
        newest: dict[str, pb.UserPresence] = {}
        for each in (user for answer in answers for user in answer.users):
            # Two may believe that they own a shard, for a moment: the higher term does.
            known = newest.get(each.status.user_id)
            if known is None or _generation(known) < _generation(each):
                newest[each.status.user_id] = each
        return {user: _told(found) for user, found in newest.items()}

    async def _ask(self, target: str, request: pb.UsersRequest) -> pb.UsersResponse | None:
        """Return a router's answer; None: it gives none."""
        service: Any = PresenceServiceStub(self._channels.to(target))
        try:
            answer: pb.UsersResponse = await service.Users(request, timeout=DEADLINE)
        except grpc.aio.AioRpcError as error:
            log.warning("presence_not_asked", router=target, why=error.details())
            return None
        return answer


def _generation(user: pb.UserPresence) -> tuple[int, int]:
    return user.status.generation.term, user.status.generation.counter


def _told(user: pb.UserPresence) -> UserPresence:
    return UserPresence(
        userId=user.status.user_id,
        online=user.status.online,
        lastSeen=user.status.last_seen,
        devices=[
            PresentDevice(
                deviceId=device.device_id,
                platform=device.platform,
                deviceName=device.name,
                connectedAt=device.connected_at,
            )
            for device in user.devices
        ],
    )
