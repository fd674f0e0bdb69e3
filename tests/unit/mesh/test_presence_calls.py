from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from kull_edge.link.channels import Channels
from kull_gateway.presence_route import NobodyAnswers
from kull_mesh.presence_calls import RouterPresence
from kull_protos.mesh.v1 import attach_pb2, presence_pb2, presence_pb2_grpc
from tests.support.ports import free_port


class Router(presence_pb2_grpc.PresenceServiceServicer):
    """Knows some users."""

    def __init__(self, **users: tuple[bool, int]) -> None:
        self._users = users

    async def Users(self, request: Any, context: Any) -> presence_pb2.UsersResponse:
        known = [user for user in request.user_ids if user in self._users]
        return presence_pb2.UsersResponse(
            users=[
                presence_pb2.UserPresence(
                    status=attach_pb2.UserStatus(
                        user_id=user,
                        online=self._users[user][0],
                        last_seen=7,
                        generation=attach_pb2.Generation(term=self._users[user][1], counter=1),
                    ),
                    devices=[attach_pb2.Device(device_id="mac", connected_at=5)],
                )
                for user in known
            ]
        )


@asynccontextmanager
async def serving(router: Router) -> AsyncIterator[str]:
    server = grpc.aio.server()
    presence_pb2_grpc.add_PresenceServiceServicer_to_server(router, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


async def test_each_router_tells_of_its_users_and_the_newer_owner_is_believed() -> None:
    async with (
        serving(Router(maya=(True, 2), otto=(False, 5))) as one,
        serving(Router(maya=(False, 3))) as other,
        Channels(None) as channels,
    ):
        nobody = f"127.0.0.1:{free_port()}"
        found = await RouterPresence([nobody, one, other], channels)(["maya", "otto", "anna"])
    assert {user: each.online for user, each in found.items()} == {"maya": False, "otto": False}
    assert found["otto"].lastSeen == 7
    assert [each.deviceId for each in found["otto"].devices] == ["mac"]


async def test_where_no_router_answers_it_says_so() -> None:
    async with Channels(None) as channels:
        with pytest.raises(NobodyAnswers):
            await RouterPresence([f"127.0.0.1:{free_port()}"], channels)(["maya"])
