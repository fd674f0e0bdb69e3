"""The `kull` command: its subcommands, and one clear line for every error."""

from __future__ import annotations

import os
import sys

import typer
from pydantic import ValidationError

from kull_client import SyncError
from kull_edge.errors import EdgeError
from kull_mesh import __version__
from kull_mesh.commands import config, demo, listen, roles, send, token, up
from kull_mesh.errors import MeshError
from kull_producers import KullError
from kull_router.errors import RouterError

app = typer.Typer(
    name="kull",
    help="Kull Sync: shoot, credit and prompt events on every device of a user, at once.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command(rich_help_panel="Run")(up.up)
app.command(rich_help_panel="Run")(demo.demo)
app.command(rich_help_panel="Run one role")(roles.router)
app.command(rich_help_panel="Run one role")(roles.edge)
app.command(rich_help_panel="Run one role")(roles.gateway)
app.command(rich_help_panel="Tools")(token.token)
app.command(rich_help_panel="Tools")(listen.listen)
app.add_typer(send.app, name="send", rich_help_panel="Tools")
app.command(rich_help_panel="Tools")(config.config)

EXPECTED = (MeshError, RouterError, EdgeError, KullError, SyncError, OSError)


@app.command(rich_help_panel="Tools")
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Run the command; with KULL_DEBUG errors keep their traceback."""
    try:
        app()
    except ValidationError as error:
        _fail(_settings_problem(error), error)
    except EXPECTED as error:
        _fail(str(error), error)
    except BaseExceptionGroup as group:
        _fail(str(_first(group)), group)


def _fail(text: str, error: BaseException) -> None:
    if os.environ.get("KULL_DEBUG"):
        raise error
    typer.echo(f"kull: {text}", err=True)
    sys.exit(1)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the expected error in a group; a fault of ours keeps its traceback."""
    expected, other = group.split(EXPECTED)
    if other is not None or expected is None:
        raise group
    error: BaseException = expected
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _settings_problem(error: ValidationError) -> str:
    problems = [
        f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}"
        for problem in error.errors(include_url=False, include_input=False)
    ]
    return f"wrong settings for {error.title}: {'; '.join(problems)} (see `kull config`)"
