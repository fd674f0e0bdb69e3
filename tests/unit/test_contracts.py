"""Modules that call themselves PURE are those that the import contracts hold to it.

The contracts named `PURE: …` in `pyproject.toml` forbid I/O, however many imports away. This
keeps their lists true, and looks for what needs no import of I/O: a clock or chance that a module
takes for itself, where the caller should pass it in.
"""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.members import MEMBERS

ROOT = Path(__file__).parents[2]
PACKAGES = {package: folder for folder, package in MEMBERS.items()}
# What reaches out: files, sockets, processes, threads, databases, clocks, logs, settings. `uuid`
# and `datetime` also only format; what of them is clock or chance is HIDDEN.
IMPURE = {
    "aio_pika",
    "aiormq",
    "asyncio",
    "grpc",
    "httpx",
    "logging",
    "os",
    "pathlib",
    "prometheus_client",
    "psycopg",
    "pydantic_settings",
    "secrets",
    "selectors",
    "signal",
    "socket",
    "sqlite3",
    "ssl",
    "structlog",
    "subprocess",
    "tempfile",
    "threading",
    "time",
    "websockets",
}
HIDDEN = ("os.urandom", "uuid.uuid1", "uuid4", "datetime.now", "datetime.utcnow", "date.today")


def _contracts() -> Iterator[dict[str, Any]]:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for contract in config["tool"]["importlinter"]["contracts"]:
        if contract["name"].startswith("PURE: "):
            yield contract


def _modules(package: str) -> dict[str, Path]:
    root = ROOT / PACKAGES[package]
    return {
        ".".join(path.relative_to(root).with_suffix("").parts): path
        for path in sorted((root / package).rglob("*.py"))
        if path.name != "__init__.py" and not path.stem.endswith(("_pb2", "_pb2_grpc"))
    }


def _listed(package: str) -> set[str]:
    """The modules of a package in the contracts; a folder stands for all that is in it."""
    sources = [source for contract in _contracts() for source in contract["source_modules"]]
    return {
        module
        for module in _modules(package)
        for source in sources
        if module == source or module.startswith(f"{source}.")
    }


def _is_pure(path: Path) -> bool:
    return "PURE" in (ast.get_docstring(ast.parse(path.read_text())) or "")


def _hidden(source: str) -> set[str]:
    """What a module takes for itself of clock and chance."""
    tree = ast.parse(source)
    names = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if _is_hidden(name)}


def _is_hidden(name: str) -> bool:
    # The type `random.Random` is how chance is passed in; the module's own generator is hidden.
    own_generator = name.startswith("random.") and name.partition(".")[2].split(".")[0] != "Random"
    return own_generator or any(name == end or name.endswith(f".{end}") for end in HIDDEN)


COVERED = sorted(PACKAGES)


@pytest.mark.parametrize("package", COVERED)
def test_the_contracts_list_what_calls_itself_pure_and_nothing_else(package: str) -> None:
    pure = {module for module, path in _modules(package).items() if _is_pure(path)}
    assert _listed(package) == pure


def test_every_pure_contract_forbids_all_that_reaches_out() -> None:
    allowed = {each["name"]: IMPURE - set(each["forbidden_modules"]) for each in _contracts()}
    assert allowed
    assert {name: modules for name, modules in allowed.items() if modules} == {}


@pytest.mark.parametrize("package", COVERED)
def test_no_pure_module_takes_clock_or_chance_for_itself(package: str) -> None:
    modules = _modules(package)
    found = {name: _hidden(modules[name].read_text()) for name in _listed(package)}
    assert {name: taken for name, taken in found.items() if taken} == {}


def test_hidden_clocks_and_chance_are_seen_in_any_form() -> None:
    for line in (
        "import random; x = random.random()",
        "from random import choice",
        "import os; x = os.urandom(8)",
        "from uuid import uuid4",
        "import uuid; x = uuid.uuid4()",
        "from datetime import datetime; x = datetime.now()",
        "import datetime; x = datetime.datetime.now()",
    ):
        assert _hidden(line), line
    assert not _hidden("from random import Random")
    assert not _hidden("import random; x: random.Random")
    assert not _hidden("from datetime import datetime; x = datetime(2020, 1, 1)")
