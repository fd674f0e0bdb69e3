"""The `kull` command: its subcommands, and one clear line for every error."""

from __future__ import annotations

import os
import sys

import typer
from pydantic import ValidationError

from kull_mesh import __version__, log, signals
from kull_mesh.commands import (
    certs,
    config,
    definitions,
    demo,
    keys,
    listen,
    nodes,
    play,
    roles,
    send,
    store,
    token,
    up,
)
from kull_mesh.expected import expected
from kull_mesh.settings import MeshSettings

app = typer.Typer(
    name="kull",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command(rich_help_panel="Run")(up.up)
app.command(rich_help_panel="Run")(demo.demo)
app.command(rich_help_panel="Run")(play.play)
app.command(rich_help_panel="Run one role")(roles.router)
app.command(rich_help_panel="Run one role")(roles.edge)
app.command(rich_help_panel="Run one role")(roles.gateway)
app.command(rich_help_panel="Tools")(token.token)
app.command("service-token", rich_help_panel="Tools")(token.service_token)
app.add_typer(keys.app, name="keys", rich_help_panel="Tools")
app.add_typer(certs.app, name="certs", rich_help_panel="Tools")
app.command(rich_help_panel="Tools")(listen.listen)
app.add_typer(send.app, name="send", rich_help_panel="Tools")
app.command(rich_help_panel="Tools")(config.config)
app.command(rich_help_panel="Tools")(definitions.definitions)
app.command(rich_help_panel="Operate")(nodes.nodes)
app.command(rich_help_panel="Operate")(nodes.drain)
app.command(rich_help_panel="Operate")(nodes.revoke)
app.add_typer(store.app, name="store", rich_help_panel="Operate")


@app.callback()
def prepare() -> None:
    """Kull Sync: shoot, credit and prompt events on every device of a user, at once."""
    log.configure(MeshSettings())


@app.command(rich_help_panel="Tools")
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Run the command; with KULL_DEBUG errors keep their traceback."""
    signals.heed()
    try:
        app(prog_name="kull")  # also as `python -m kull_mesh`
    except ValidationError as error:
        _fail(config.problem(error), error)
    except Exception as error:
        told = expected(error)
        fault = f"this is a fault of kull itself: {error!r} (KULL_DEBUG=1 shows where)"
        _fail(fault if told is None else str(told), error)


def _fail(text: str, error: BaseException) -> None:
    if os.environ.get("KULL_DEBUG"):
        raise error
    typer.echo(f"kull: {text}", err=True)
    sys.exit(1)
