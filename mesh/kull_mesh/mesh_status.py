"""What a gateway tells of routers and edges: asked of the routers, at most once a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import grpc

from kull_edge.link.channels import Channels
from kull_mesh import __version__
from kull_protos.mesh.v1.admin_pb2 import ListNodesRequest, ListNodesResponse
from kull_protos.mesh.v1.admin_pb2_grpc import AdminServiceStub

DEADLINE: Final = 1.0  # seconds
FRESH: Final = 1.0  # seconds that an answer is told again: the endpoint is public


class MeshStatus:
    """Call it for the details of `GET /api/sync/status`: counts only, nothing secret.

    Args:
        routers: host:port of each; none: only the version is told.
        channels: to them; the caller's.
        clock: seconds.
    """

    def __init__(
        self,
        routers: Sequence[str],
        channels: Channels,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._routers = routers
        self._channels = channels
        self._clock = clock
        self._asking = asyncio.Lock()
        self._told: dict[str, Any] = {"version": __version__}
        self._fresh_until = 0.0

    async def __call__(self) -> dict[str, Any]:
        """Return the version and, of the routers that answer, their edges and sessions."""
        async with self._asking:
            if self._routers and self._clock() >= self._fresh_until:
                self._told = {"version": __version__, **await self._ask_all()}
                self._fresh_until = self._clock() + FRESH
            return self._told

    async def _ask_all(self) -> dict[str, int]:
        answers = await asyncio.gather(*map(self._ask, self._routers))
        known = [answer for answer in answers if answer is not None]
        return {
            "routers": len(known),
            "edges": len({edge.node_id for answer in known for edge in answer.edges}),
            "sessions": sum(edge.sessions for answer in known for edge in answer.edges),
            "shardsOwned": sum(len(answer.router.owned) for answer in known),
        }

    async def _ask(self, target: str) -> ListNodesResponse | None:
        admin: Any = AdminServiceStub(self._channels.to(target))
        try:
            answer: ListNodesResponse = await admin.ListNodes(ListNodesRequest(), timeout=DEADLINE)
        except grpc.aio.AioRpcError:
            return None  # not counted: that is what there is to tell
        return answer
