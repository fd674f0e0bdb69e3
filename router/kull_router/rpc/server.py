"""The router's gRPC server: services, health, limits, in one screen."""

from __future__ import annotations

from typing import Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from kull_protos.common.hosts import authority
from kull_protos.mesh.v1 import (
    admin_pb2_grpc,
    attach_pb2_grpc,
    device_pb2_grpc,
    presence_pb2_grpc,
)
from kull_router.core import RouterCore
from kull_router.errors import ConfigError
from kull_router.rpc.admin_service import AdminService
from kull_router.rpc.device_service import DeviceService
from kull_router.rpc.edge_service import EdgeService
from kull_router.rpc.presence_service import PresenceService
from kull_router.rpc.roles import Authorization

MAX_MESSAGE: Final = 4 * 2**20  # bytes

_OPTIONS: Final = (
    ("grpc.so_reuseport", 0),  # else two routers on one port both "start"
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
)


class GrpcServer:
    """Listens for edges and operators. Start it once, stop it once."""

    def __init__(self, core: RouterCore, credentials: grpc.ServerCredentials | None = None) -> None:
        # Without certificates nobody has a role: then the network decides who may call.
        guards = [Authorization()] if credentials else []
        self._credentials = credentials
        self._server = grpc.aio.server(options=_OPTIONS, interceptors=guards)
        self._health = health.aio.HealthServicer()
        attach_pb2_grpc.add_EdgeServiceServicer_to_server(EdgeService(core), self._server)
        admin_pb2_grpc.add_AdminServiceServicer_to_server(AdminService(core), self._server)
        device_pb2_grpc.add_DeviceServiceServicer_to_server(DeviceService(core), self._server)
        presence_pb2_grpc.add_PresenceServiceServicer_to_server(PresenceService(core), self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)

    async def start(self, host: str, port: int) -> int:
        """Listen and return the port. Raises ConfigError when the port is taken."""
        try:
            bound = self._listen(authority(host, port))
        except RuntimeError as error:
            raise ConfigError(
                f"cannot listen for edges on {host}:{port}: is another router running? "
                "Set KULL_GRPC_PORT to a free port"
            ) from error
        await self._server.start()
        await self._health.set("", health_pb2.HealthCheckResponse.SERVING)
        return bound

    def _listen(self, address: str) -> int:
        if self._credentials:
            return self._server.add_secure_port(address, self._credentials)
        return self._server.add_insecure_port(address)

    async def stop(self, grace: float) -> None:
        """Report not serving, let streams end within `grace` seconds, then cut them."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace)
