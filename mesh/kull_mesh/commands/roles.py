"""`kull router`, `kull edge`, `kull gateway`: one role per process, configured by `KULL_*`."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Annotated, Any

import typer
from fastapi import FastAPI

import kull_edge.serve
import kull_gateway.serve
import kull_router.serve
from kull_edge.link.certificates import channel_credentials
from kull_edge.settings import EdgeSettings
from kull_gateway import GatewaySettings
from kull_mesh import signals, workers
from kull_mesh.mesh_status import MeshStatus
from kull_mesh.play import page
from kull_mesh.settings import MeshSettings
from kull_router.settings import RouterSettings


def router() -> None:
    """Run one router. Needs KULL_AMQP_URL and KULL_TOKEN_SECRET; see `kull config`."""
    _run(kull_router.serve.serve(RouterSettings()))


def edge(
    count: Annotated[
        int, typer.Option("--workers", min=1, help="Edges on this port, a process each.")
    ] = 1,
) -> None:
    """Run an edge. Needs KULL_EDGE_ROUTERS; see `kull config`."""
    settings = EdgeSettings()
    if count == 1:
        _run(kull_edge.serve.serve(settings))
    else:
        _run(workers.run(settings, count))


def gateway() -> None:
    """Run the HTTP triggers. Needs KULL_AMQP_URL and KULL_SERVICE_KEYS or KULL_SERVICE_SECRET.

    With KULL_WEB_EDGES it serves the page too.
    """
    settings = MeshSettings()
    credentials = channel_credentials(settings.tls_ca, settings.tls_cert, settings.tls_key)
    status = MeshStatus(_listed(settings.gateway_routers), credentials)
    edges = _listed(settings.web_edges)
    files = page.folder() if edges else None

    def extend(app: FastAPI) -> None:
        if files is not None:
            page.add(app, files, edges=edges)

    _run(kull_gateway.serve.serve(GatewaySettings(), details=status, extend=extend))


def _run(role: Coroutine[Any, Any, None]) -> None:
    signals.run(signals.until_signalled(role))


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]
