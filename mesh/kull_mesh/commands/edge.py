"""`kull edge`."""

from __future__ import annotations

from typing import Annotated

import typer

from kull_edge.serve import serve
from kull_edge.settings import EdgeSettings
from kull_mesh import signals, workers


def edge(
    count: Annotated[
        int, typer.Option("--workers", min=1, help="Edges on this port, a process each.")
    ] = 1,
) -> None:
    """Run an edge. Needs KULL_EDGE_ROUTERS; see `kull config`."""
    settings = EdgeSettings()
    signals.run_role(serve(settings) if count == 1 else workers.run(settings, count))
