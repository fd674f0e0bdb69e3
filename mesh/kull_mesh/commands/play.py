"""`kull play`."""

from __future__ import annotations

from typing import Annotated

import typer

from kull_mesh import log, signals
from kull_mesh.demo.browser import show
from kull_mesh.settings import MeshSettings


def play(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page.")] = 5050,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
    pace: Annotated[float, typer.Option(min=0.01, help="Seconds per photograph.")] = 0.4,
) -> None:
    """Serve a small Kull to play with, on a mesh that can be broken from the page."""
    from kull_mesh.play.serve import Playing, serve  # noqa: PLC0415 - only this command needs all of it

    log.configure(MeshSettings(log_level="error"))  # the page is what is to be seen

    def ready(play: Playing) -> None:
        typer.echo(f"the demo page is ready: {play.url}  (Ctrl+C ends it)")
        if play.console[0]:
            typer.echo("the console: {}  (sign in with {})".format(*play.console))
        if browser:
            show(play.url)

    signals.run_role(serve(port=port, ready=ready, pace=pace))
