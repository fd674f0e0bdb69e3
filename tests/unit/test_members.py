"""Whoever lists the members of the workspace lists all of them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.support.members import MEMBERS

ROOT = Path(__file__).parents[2]
PACKAGES = set(MEMBERS.values())


def config() -> dict[str, Any]:
    tools: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    return tools


def test_the_list_is_the_folders_with_a_manifest() -> None:
    there = {
        path.parent.relative_to(ROOT).as_posix()
        for pattern in ("*/pyproject.toml", "clients/*/pyproject.toml")
        for path in ROOT.glob(pattern)
    }

    assert there == MEMBERS.keys()
    assert all((ROOT / member / MEMBERS[member] / "__init__.py").exists() for member in MEMBERS)


@pytest.mark.parametrize(
    ("file", "pattern"),
    [("Makefile", r"^MEMBERS := (.+)$"), ("scripts/lock.sh", r'^members="(.+)"$')],
)
def test_make_installs_and_pins_each(file: str, pattern: str) -> None:
    [listed] = re.findall(pattern, (ROOT / file).read_text(), re.MULTILINE)

    assert sorted(listed.split()) == sorted(MEMBERS)


def test_the_image_pins_and_installs_each() -> None:
    pinned = re.findall(r'"-e \./([\w/]+)', (ROOT / "docker/lock.sh").read_text())
    [installed] = re.findall(
        r"^ +((?:\./[\w/]+ )+)&&", (ROOT / "Dockerfile").read_text(), re.MULTILINE
    )

    assert sorted(pinned) == sorted(MEMBERS)
    assert sorted(installed.replace("./", "").split()) == sorted(MEMBERS)


@pytest.mark.parametrize("file", ["scripts/lock.sh", "docker/lock.sh"])
def test_no_lock_pins_one_of_ours(file: str) -> None:
    [named] = re.findall(r"^for name in (kull-.+); do$", (ROOT / file).read_text(), re.MULTILINE)

    assert {name.replace("-", "_") for name in named.split()} == PACKAGES


def test_the_tools_look_at_each() -> None:
    tools = config()

    assert set(tools["ruff"]["lint"]["isort"]["known-first-party"]) == PACKAGES
    assert set(tools["mypy"]["mypy_path"]) - {"examples", "examples/own_events"} == MEMBERS.keys()
    assert set(tools["coverage"]["run"]["source_pkgs"]) == PACKAGES
    assert set(tools["importlinter"]["root_packages"]) == PACKAGES
