"""What the image is made of reaches its build, and nothing else does."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.members import MEMBERS

ROOT = Path(__file__).parents[2]


def copied() -> set[str]:
    """What the Dockerfile copies from the checkout: the web's files lie below their folder."""
    sources: set[str] = set()
    for line in (ROOT / "Dockerfile").read_text().splitlines():
        if line.startswith("COPY ") and "--from=" not in line:
            sources.update(line.split()[1:-1])
    return sources


def test_what_is_copied_is_not_ignored() -> None:
    ignore = (ROOT / ".dockerignore").read_text()
    let_in = tuple(re.findall(r"(?m)^!(.+)$", ignore))

    assert copied()
    for source in copied():
        assert source.startswith(let_in), source


def test_every_package_is_in_the_image() -> None:
    assert set(MEMBERS) <= copied()
