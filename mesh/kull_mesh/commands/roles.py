"""`kull router`, `kull edge`, `kull gateway`: one role per process, configured by `KULL_*`."""

from __future__ import annotations

import kull_edge.serve
import kull_router.serve
from kull_edge.certificates import channel_credentials
from kull_edge.settings import EdgeSettings
from kull_mesh import signals
from kull_mesh.mesh_status import MeshStatus
from kull_mesh.settings import MeshSettings
from kull_producers.gateway import GatewaySettings
from kull_producers.gateway.serve import serve as serve_gateway
from kull_router.settings import RouterSettings


def router() -> None:
    """Run one router. Needs KULL_AMQP_URL and KULL_TOKEN_SECRET; see `kull config`."""
    signals.run(kull_router.serve.serve(RouterSettings()))


def edge() -> None:
    """Run one edge. Needs KULL_EDGE_ROUTERS; see `kull config`."""
    signals.run(kull_edge.serve.serve(EdgeSettings()))


def gateway() -> None:
    """Run the HTTP triggers. Needs KULL_AMQP_URL and KULL_SERVICE_KEYS or KULL_SERVICE_SECRET."""
    settings = MeshSettings()
    credentials = channel_credentials(settings.tls_ca, settings.tls_cert, settings.tls_key)
    routers = [target.strip() for target in settings.gateway_routers.split(",") if target.strip()]
    signals.run(serve_gateway(GatewaySettings(), details=MeshStatus(routers, credentials)))
