"""The tables of folders in READMEs are held to the tree."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.members import MEMBERS

ROOT = Path(__file__).parents[2]
HEADER = "| folder |"
# Says by its name what is in it, in every member alike.
PLAIN = {"__init__.py", "__main__.py", "errors.py", "settings.py"}
GENERATED = "# Generated"
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


def unnamed(readme: str, modules: Iterable[Path]) -> set[str]:
    """Return which of these modules a README does not name, `like_this.py`."""
    named = set(re.findall(r"`(?:[\w/]+/)?(\w+\.py)`", readme))
    return {
        path.name
        for path in modules
        if path.name not in named | PLAIN and not path.read_text().startswith(GENERATED)
    }


@pytest.mark.parametrize(("member", "package"), MEMBERS.items())
def test_what_stands_beside_the_folders_is_named(member: str, package: str) -> None:
    readme = (ROOT / member / "README.md").read_text()

    assert unnamed(readme, (ROOT / member / package).glob("*.py")) == set()


@pytest.mark.parametrize("folder", ["common", "serving"])
def test_what_all_parts_share_is_named_module_by_module(folder: str) -> None:
    readme = (ROOT / "protos/README.md").read_text()

    assert unnamed(readme, (ROOT / "protos/kull_protos" / folder).glob("*.py")) == set()


def test_a_module_that_nobody_names_is_seen(tmp_path: Path) -> None:
    for name in ("a.py", "b.py", "c.py", "errors.py"):
        (tmp_path / name).write_text(f"{GENERATED} x" if name == "c.py" else "")

    assert unnamed("see `deep/a.py`, and b.py", tmp_path.glob("*.py")) == {"b.py"}


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
