"""The tables of folders in READMEs are held to the tree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.members import MEMBERS

ROOT = Path(__file__).parents[2]
HEADER = "| folder |"
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


@pytest.mark.parametrize(("member", "package"), MEMBERS.items())
def test_a_readme_has_one_line_per_folder_and_none_without(member: str, package: str) -> None:
    listed = rows((ROOT / member / "README.md").read_text())

    assert sorted(listed) == sorted(folders(ROOT / member / package))


def test_the_first_readme_has_every_folder_and_every_member_and_none_without() -> None:
    made = set(re.findall(r"^([a-z]+)/$", (ROOT / ".gitignore").read_text(), re.MULTILINE))
    there = {
        path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")
    }
    text = (ROOT / "README.md").read_text()

    listed = [
        name.removesuffix("/")
        for row in re.findall(r"^\| (`[^|]+) \|", text.partition(HEADER)[2], re.MULTILINE)
        for name in re.findall(r"`([^`]+/)`", row)
    ]

    assert sorted(set(listed)) == sorted(listed)
    assert {name.partition("/")[0] for name in listed} == there - made
    assert MEMBERS.keys() <= set(listed)


def test_the_table_is_read_as_it_is_written(tmp_path: Path) -> None:
    text = "x\n| folder | what |\n|---|---|\n| `a/` | one |\n| `a/b/` | two |\n\n| `c/` | no |\n"
    assert rows(text) == ["a/", "a/b/"]
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/x.py").write_text("")
    assert folders(tmp_path) == {"a/b/"}
