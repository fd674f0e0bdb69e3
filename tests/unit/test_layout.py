"""The architecture as tests: modules that call themselves PURE do no I/O."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "producers/kull_producers",
    "gateway/kull_gateway",
    "router/kull_router",
    "edge/kull_edge",
    "mesh/kull_mesh",
    "clients/python/kull_client",
)
# Clocks and randomness are passed in, sockets and files belong to the shells.
FORBIDDEN = {
    "aio_pika", "aiormq", "asyncio", "grpc", "httpx", "pathlib", "secrets", "socket",
    "sqlite3", "subprocess", "threading", "time", "websockets",
}  # fmt: skip
# The sans-I/O part of a library is as pure as our own.
ALLOWED = {"websockets.exceptions", "websockets.frames"}


def _is_pure(source: str) -> bool:
    docstring = ast.get_docstring(ast.parse(source)) or ""
    return "PURE" in docstring


def _imports(source: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def _hidden_randomness(source: str) -> set[str]:
    # The type `random.Random` is how randomness is passed in; the module's own generator is hidden.
    return {
        f"random.{node.attr}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "random"
        and node.attr != "Random"
    }


def _impure(source: str) -> set[str]:
    io = {name for name in _imports(source) - ALLOWED if name.split(".")[0] in FORBIDDEN}
    return io | _hidden_randomness(source)


PURE_MODULES = [
    path.relative_to(ROOT)
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
    if _is_pure(path.read_text())
]


@pytest.mark.parametrize("module", PURE_MODULES, ids=str)
def test_a_pure_module_imports_no_io(module: Path) -> None:
    assert _impure((ROOT / module).read_text()) == set()


def test_the_cores_call_themselves_pure() -> None:
    assert {path.parts[1] for path in PURE_MODULES} >= {
        "kull_producers",
        "kull_router",
        "kull_edge",
    }


def test_the_check_sees_an_import_of_any_form() -> None:
    for line in (
        "import asyncio",
        "from grpc import aio",
        "import websockets.asyncio.client",
        "import random; x = random.random()",
    ):
        assert _impure(line)
    assert not _impure("from websockets.frames import Opcode\n")
