"""Programs of this machine, and their versions."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

NUMBER = re.compile(r"\d+(?:\.\d+)+")


@dataclass(frozen=True, slots=True)
class Program:
    """Something that is there. `place`: its path, or what it is reached by."""

    place: str
    version: str = ""


def program(*names: str, variable: str = "") -> Program | None:
    """Return the first of these programs that is there; a variable may name another."""
    given = os.environ.get(variable) if variable else None
    places = [given] if given else [shutil.which(name) for name in names]
    place = next((place for place in places if place), None)
    return Program(place, version([place, "--version"])) if place else None


def version(command: Sequence[str]) -> str:
    """Return the first version number that a command prints; empty when it prints none."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return number(done.stdout + done.stderr)


def number(text: str) -> str:
    """Return the first version number in a text; empty when there is none. PURE."""
    found = NUMBER.search(text)
    return found[0] if found else ""


def at_least(version: str, least: tuple[int, ...]) -> bool:
    """Whether a version number is not below another. PURE."""
    return tuple(map(int, number(version).split("."))) >= least if number(version) else False
