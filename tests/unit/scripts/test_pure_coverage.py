"""A line of a pure module that no test runs is an error of `make coverage`."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from coverage import Coverage

SCRIPT = Path(__file__).parents[3] / "scripts/pure_coverage.py"
SETTINGS = """
[tool.importlinter]
root_packages = ["kull_small"]

[[tool.importlinter.contracts]]
name = "PURE: the rules"
type = "forbidden"
source_modules = ["kull_small.rules"]
forbidden_modules = ["asyncio"]

[[tool.importlinter.contracts]]
name = "Nobody imports the shell"
type = "forbidden"
source_modules = ["kull_small.shell"]
forbidden_modules = ["kull_small"]
"""
HALF = "def half(number: int) -> int:\n    if number % 2:\n        raise ValueError\n    return 1\n"


@pytest.fixture
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("pure_coverage", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    package = tmp_path / "small/kull_small"
    (package / "rules").mkdir(parents=True)
    (package / "rules/half.py").write_text(HALF)
    (package / "rules/copied.py").write_text("# Generated from rules/half.py by `make`.\n")
    (package / "shell.py").write_text('"""A shell."""\n')
    return tmp_path


def test_pure_is_what_a_contract_calls_so_and_a_generated_copy_counts_with_its_source(
    script: ModuleType, checkout: Path
) -> None:
    names = [path.name for path in script.pure_modules(checkout)]

    assert names == ["half.py"]


def test_a_line_that_was_not_run_is_named(script: ModuleType, checkout: Path) -> None:
    path = checkout / "small/kull_small/rules/half.py"
    measured = Coverage(data_file=None, config_file=False, include=[str(path)])
    measured.start()
    try:
        scope: dict[str, object] = {}
        exec(compile(HALF, str(path), "exec"), scope)
        scope["half"](2)  # type: ignore[operator]
    finally:
        measured.stop()

    assert script.uncovered(measured, [path]) == {path: [3]}


def test_lines_are_told_as_ranges(script: ModuleType) -> None:
    assert script.ranges([9, 3, 4, 5, 12, 13]) == "3-5, 9, 12-13"
