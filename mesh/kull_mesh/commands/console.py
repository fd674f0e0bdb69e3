"""`kull console`."""

from __future__ import annotations

import structlog

import kull_mesh.console
from kull_console import ConsoleSettings
from kull_edge.link.certificates import channel_credentials
from kull_mesh import signals
from kull_mesh.routers import Routers, targets
from kull_mesh.settings import MeshSettings

log = structlog.get_logger(__name__)


def console(routers: Routers = "") -> None:
    """Run the console. Needs a key of the scope console:read or console:act, see `kull keys`."""
    settings, shared = ConsoleSettings(), MeshSettings()

    def ready(url: str) -> None:
        log.info("console_ready", url=url)

    signals.run_role(
        kull_mesh.console.serve(
            settings,
            keys=shared.keys_file,
            targets=targets(settings.console_routers or routers),
            credentials=channel_credentials(shared.tls_ca, shared.tls_cert, shared.tls_key),
            ready=ready,
        )
    )
