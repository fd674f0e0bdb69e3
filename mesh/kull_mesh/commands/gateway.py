"""`kull gateway`."""

from __future__ import annotations

from fastapi import FastAPI

import kull_gateway.serve
from kull_edge.link.certificates import channel_credentials
from kull_edge.link.channels import Channels
from kull_gateway import GatewaySettings
from kull_mesh import signals
from kull_mesh.device_calls import RouterSignOut
from kull_mesh.mesh_status import MeshStatus
from kull_mesh.play import page
from kull_mesh.presence_calls import RouterPresence
from kull_mesh.settings import MeshSettings


def gateway() -> None:
    """Run the HTTP triggers. Needs KULL_AMQP_URL and KULL_SERVICE_KEYS or KULL_SERVICE_SECRET.

    With KULL_WEB_EDGES it serves the page too.
    """
    settings = MeshSettings()
    credentials = channel_credentials(settings.tls_ca, settings.tls_cert, settings.tls_key)
    routers = _listed(settings.gateway_routers)
    edges = _listed(settings.web_edges)
    files = page.folder() if edges else None
    gateway_settings = GatewaySettings()

    def extend(app: FastAPI) -> None:
        if files is not None:
            page.add(app, files, edges=edges)

    async def serve() -> None:
        async with Channels(credentials) as channels:
            await kull_gateway.serve.serve(
                gateway_settings,
                details=MeshStatus(routers, channels),
                sign_out=RouterSignOut(routers, channels) if routers else None,
                presence=RouterPresence(routers, channels) if routers else None,
                extend=extend,
            )

    signals.run_role(serve())


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]
