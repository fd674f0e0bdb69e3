"""Loads a subcommand of `kull` when it is named.

A process starts in the time of what it needs: an edge loads no FastAPI, `kull version` no gRPC.
"""

from __future__ import annotations

from collections import UserDict
from importlib import import_module
from typing import Any, Final, NamedTuple

import typer
from typer.core import TyperGroup
from typer.main import get_group

from kull_mesh import commands


class Entry(NamedTuple):
    """Where a subcommand is: a function or a Typer app in a module of `commands`.

    Attributes:
        module: its name in `commands`.
        attribute: the function's or app's.
        panel: the heading of `kull --help` that it stands under.
    """

    module: str
    attribute: str
    panel: str


RUN, ROLE, TOOL, OPERATE = "Run", "Run one role", "Tools", "Operate"
ENTRIES: Final = {
    "up": Entry("up", "up", RUN),
    "demo": Entry("demo", "demo", RUN),
    "play": Entry("play", "play", RUN),
    "router": Entry("router", "router", ROLE),
    "edge": Entry("edge", "edge", ROLE),
    "gateway": Entry("gateway", "gateway", ROLE),
    "console": Entry("console", "console", ROLE),
    "token": Entry("token", "token", TOOL),
    "service-token": Entry("token", "service_token", TOOL),
    "keys": Entry("keys", "app", TOOL),
    "certs": Entry("certs", "app", TOOL),
    "send": Entry("send", "app", TOOL),
    "listen": Entry("listen", "listen", TOOL),
    "events": Entry("events", "events", TOOL),
    "config": Entry("config", "config", TOOL),
    "definitions": Entry("definitions", "definitions", TOOL),
    "version": Entry("version", "version", TOOL),
    "nodes": Entry("nodes", "nodes", OPERATE),
    "why": Entry("why", "why", OPERATE),
    "doctor": Entry("doctor", "doctor", OPERATE),
    "drain": Entry("nodes", "drain", OPERATE),
    "revoke": Entry("nodes", "revoke", OPERATE),
    "store": Entry("store", "app", OPERATE),
}


class Subcommands(UserDict[str, Any]):
    """The commands of the group `kull` by name, each loaded when it is looked up."""

    def __init__(self) -> None:
        super().__init__(ENTRIES)

    def __getitem__(self, name: str) -> Any:
        """Return a command; raises KeyError for a name that is none."""
        found = super().__getitem__(name)
        if isinstance(found, Entry):
            found = self[name] = _load(name, found)
        return found


class Kull(TyperGroup):
    """The group `kull`."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = Subcommands()


def _load(name: str, entry: Entry) -> Any:
    """Import a subcommand and return what Typer makes of it."""
    found = getattr(import_module(f"{commands.__name__}.{entry.module}"), entry.attribute)
    around = typer.Typer(rich_markup_mode="rich")
    if isinstance(found, typer.Typer):
        around.add_typer(found, name=name, rich_help_panel=entry.panel)
    else:
        around.command(name, rich_help_panel=entry.panel)(found)
    return get_group(around).commands[name]
