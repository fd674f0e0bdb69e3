"""The table of folders in a package's README is held to the tree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "protos": "kull_protos",
    "producers": "kull_producers",
    "gateway": "kull_gateway",
    "router": "kull_router",
    "edge": "kull_edge",
    "mesh": "kull_mesh",
}
HEADER = "| folder |"
TOLD = [name for name in PACKAGES if HEADER in (ROOT / name / "README.md").read_text()]
ROW = re.compile(r"^\| `([^`]+/)` +\|", re.MULTILINE)


def rows(text: str) -> list[str]:
    """Return the folders of the table, as they are listed."""
    table = text.partition(HEADER)[2].partition("\n\n")[0]
    return ROW.findall(table)


def folders(package: Path) -> set[str]:
    """Return the folders with modules in them, `like/this/`."""
    return {
        f"{path.parent.relative_to(package).as_posix()}/"
        for path in package.rglob("*.py")
        if path.parent != package and path.name != "__init__.py"
    }


@pytest.mark.parametrize("name", TOLD)
def test_a_readme_has_one_line_per_folder_and_none_without(name: str) -> None:
    listed = rows((ROOT / name / "README.md").read_text())

    assert sorted(listed) == sorted(folders(ROOT / name / PACKAGES[name]))


def test_the_table_is_read_as_it_is_written(tmp_path: Path) -> None:
    text = "x\n| folder | what |\n|---|---|\n| `a/` | one |\n| `a/b/` | two |\n\n| `c/` | no |\n"
    assert rows(text) == ["a/", "a/b/"]
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/x.py").write_text("")
    assert folders(tmp_path) == {"a/b/"}
