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
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, show_default="5050", help="Port of the page; 0: any."),
    ] = None,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """Follow a shoot on four devices and on a page in your browser, then break what you like.

    On a terminal the page stays until Ctrl+C.
    """
    from kull_mesh.demo.run import main  # noqa: PLC0415 - it needs the extra `demo`

    raise typer.Exit(main(photos=photos, fast=fast, port=port, browser=browser))
