"""Subcommands are loaded when they are named."""

from __future__ import annotations

import subprocess
import sys

import pytest

from kull_mesh.subcommands import ENTRIES, Subcommands

FOREIGN = {
    "edge": {"fastapi", "aio_pika", "kull_router", "kull_gateway", "httpx"},
    "router": {"fastapi", "aio_pika", "kull_edge", "kull_gateway", "httpx", "websockets"},
    "version": {"fastapi", "aio_pika", "kull_router", "kull_edge", "grpc", "httpx", "cryptography"},
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_process_loads_only_what_its_command_needs(name: str) -> None:
    code = f"""
import sys
from kull_mesh import cli, subcommands
subcommands.Subcommands()[{name!r}]
print(*{{each.partition(".")[0] for each in sys.modules}})
"""

    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    assert "kull_mesh" in loaded
    assert FOREIGN[name].isdisjoint(loaded)


def test_every_subcommand_can_be_loaded_under_its_name() -> None:
    commands = Subcommands()

    assert {name: commands[name].name for name in ENTRIES} == {name: name for name in ENTRIES}


def test_an_unknown_name_is_none_and_loads_nothing() -> None:
    assert Subcommands().get("nothing") is None
