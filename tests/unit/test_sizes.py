"""Modules and functions stay small enough to be read at once; what may be larger says why."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINES = 400  # of a module
FUNCTION_LINES = 50
# Made by others: installed, built, or generated.
NOT_OURS = ("node_modules", "build", "dist", "__pycache__")
GENERATED = ("_pb2.py", "_pb2_grpc.py")
# What may be larger, and why: `path`, or `path:function`.
LARGER: dict[str, str] = {}


def modules() -> Iterator[tuple[str, str]]:
    """Every hand-written module of Python and TypeScript, with its text."""
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [each for each in folders if each not in NOT_OURS and each[0] != "."]
        for path in (Path(folder, file) for file in files if not file.endswith(GENERATED)):
            if path.suffix in {".py", ".ts", ".tsx"}:
                yield path.relative_to(ROOT).as_posix(), path.read_text()


def long_functions(source: str) -> set[str]:
    """The functions that have more lines than one may have, docstring included."""
    return {
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES
    }


def larger() -> set[str]:
    found = set()
    for name, text in modules():
        if len(text.splitlines()) > LINES:
            found.add(name)
        if name.endswith(".py"):
            found |= {f"{name}:{function}" for function in long_functions(text)}
    return found


def test_no_module_and_no_function_is_larger_than_one_reads_at_once() -> None:
    assert larger() == LARGER.keys()


def test_modules_of_both_languages_are_looked_at() -> None:
    names = [name for name, _ in modules()]

    assert "router/kull_router/core.py" in names
    assert "clients/web/packages/sync/src/client.ts" in names
    assert "tests/unit/test_sizes.py" in names


def test_a_long_function_is_seen_with_its_name() -> None:
    lines = "\n".join("        pass" for _ in range(FUNCTION_LINES))
    source = f"class A:\n    async def long(self):\n{lines}\n\ndef short():\n{lines[:-13]}\n"

    assert long_functions(source) == {"long"}
