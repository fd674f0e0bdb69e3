"""`kull demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    photos: Annotated[
        Path | None,
        typer.Option(show_default="made here", help="A folder of your own photographs."),
    ] = None,
    fast: Annotated[bool, typer.Option("--fast", help="Without pauses, for tests.")] = False,
) -> None:
    """Run a mesh with four devices, a processing worker and a billing service, and watch them."""
    from kull_mesh.demo import main  # noqa: PLC0415 - it needs the extra `demo`

    raise typer.Exit(main(photos=photos, fast=fast))
