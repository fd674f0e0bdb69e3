"""The `kull` command: its subcommands, and one clear line for every error."""

from __future__ import annotations

import os
import sys

import typer
from pydantic import ValidationError

from kull_mesh import log, signals, terminal
from kull_mesh.expected import expected
from kull_mesh.settings import MeshSettings
from kull_mesh.subcommands import Kull

app = typer.Typer(
    cls=Kull,
    name="kull",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback()
def prepare() -> None:
    """Kull Sync: shoot, credit and prompt events on every device of a user, at once."""
    log.configure(MeshSettings())


def main() -> None:
    """Run the command; with KULL_DEBUG errors keep their traceback."""
    signals.heed()
    terminal.tolerate(sys.stdout, sys.stderr)
    try:
        app(prog_name="kull")  # also as `python -m kull_mesh`
    except ValidationError as error:
        from kull_mesh.commands import config  # noqa: PLC0415 - it knows every role's settings

        _fail(config.problem(error), error)
    except Exception as error:
        told = expected(error)
        fault = f"this is a fault of kull itself: {error!r} (KULL_DEBUG=1 shows where)"
        _fail(fault if told is None else str(told), error)


def _fail(text: str, error: BaseException) -> None:
    if os.environ.get("KULL_DEBUG"):
        raise error
    typer.echo(f"kull: {terminal.shown_lines(text)}", err=True)
    sys.exit(1)
