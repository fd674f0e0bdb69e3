"""Fail when a line of a pure module was not run by any test: `make coverage`.

What is pure has no excuse: no service, clock or network stands between a test and a line of it.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

from coverage import Coverage

ROOT = Path(__file__).parents[1]
CONTRACT = "PURE: "  # how the names of import-linter's contracts about purity begin


def pure_modules(root: Path = ROOT) -> list[Path]:
    """Return the files of the modules that import-linter's contracts hold to be pure."""
    settings = tomllib.loads((root / "pyproject.toml").read_text())
    named = [
        module
        for contract in settings["tool"]["importlinter"]["contracts"]
        if contract["name"].startswith(CONTRACT)
        for module in contract["source_modules"]
    ]
    found = {path for module in named for path in _files(root, module)}
    return sorted(path for path in found if not _is_copy(path))


def _files(root: Path, module: str) -> Iterator[Path]:
    """Return the files of a module and of all that is within it."""
    package, *rest = module.removesuffix(".**").removesuffix(".*").split(".")
    [home] = [path for pattern in ("*", "*/*") for path in root.glob(f"{pattern}/{package}/")]
    place = home.joinpath(*rest)
    yield from place.rglob("*.py") if place.is_dir() else [place.with_suffix(".py")]


def _is_copy(path: Path) -> bool:
    """Whether it was generated from another pure module, whose tests count for both."""
    return path.read_text().startswith("# Generated from ")


def ranges(lines: Sequence[int]) -> str:
    """Return line numbers for people: 3-5, 9."""
    found: list[list[int]] = []
    for line in sorted(lines):
        if found and line == found[-1][-1] + 1:
            found[-1][-1:] = [line] if len(found[-1]) > 1 else [found[-1][0], line]
        else:
            found.append([line])
    return ", ".join("-".join(map(str, each)) for each in found)


def uncovered(coverage: Coverage, modules: Sequence[Path]) -> dict[Path, list[int]]:
    """Return the lines of each module that were not run."""
    missing = {path: coverage.analysis2(str(path))[3] for path in modules}
    return {path: lines for path, lines in missing.items() if lines}


def main() -> int:
    """Look at the data of the last run; return the exit code."""
    coverage = Coverage()
    coverage.load()
    modules = pure_modules()
    missing = uncovered(coverage, modules)
    for path, lines in missing.items():
        print(f"{path.relative_to(ROOT)}: no test runs line {ranges(lines)}")
    print(f"{len(modules)} pure modules, {len(missing)} of them with lines that no test runs")
    return 1 if missing or not modules else 0


if __name__ == "__main__":
    sys.exit(main())
