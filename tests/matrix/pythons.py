"""Pythons of this machine, each with an environment of its own that is kept between runs."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.members import MEMBERS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "build" / "matrix"
LOCKS = ("requirements.lock", "bench/requirements.txt")
_ASK = "import sys; print('.'.join(map(str, sys.version_info[:3])))"


class NoPython(RuntimeError):
    """A Python cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter. `version`: such as "3.13.0"."""

    path: Path
    version: str


def find(name: str) -> Python:
    """Return the Python of a version ("3.13") or of a path. Raises NoPython.

    Versions are looked for on the PATH, then where pyenv and uv keep theirs.
    """
    for path in _candidates(name):
        version = _version(path)
        if version and (os.sep in name or f"{version}.".startswith(f"{name}.")):
            return Python(path, version)
    raise NoPython(f"there is no Python {name} on this machine")


def _candidates(name: str) -> Iterator[Path]:
    if os.sep in name:
        yield Path(name).absolute()
        return
    minor = ".".join(name.split(".")[:2])
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        found = shutil.which(f"python{minor}", path=folder or os.curdir)
        if found:
            yield Path(found).absolute()
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for kept in (pyenv / "versions", data / "uv" / "python"):
        yield from sorted(kept.glob(f"*{minor}*/bin/python{minor}"), reverse=True)


def _version(python: Path) -> str:
    try:
        told = subprocess.run(
            [python, "-c", _ASK], capture_output=True, text=True, check=False, timeout=60
        ).stdout.strip()
    except OSError:
        return ""
    return told if re.fullmatch(r"\d+\.\d+\.\d+", told) else ""


def environment(python: Python) -> Path:
    """Return the interpreter of an environment with all that is pinned and our packages.

    It is made anew when the pins or the interpreter have changed. Raises NoPython.
    """
    folder = FOLDER / f"python-{python.version}"
    inside, mark = folder / "bin" / "python", folder / "made-for"
    wanted = _fingerprint(python)
    if mark.exists() and mark.read_text() == wanted:
        return inside
    uv = shutil.which("uv", path=str(ROOT / ".venv" / "bin")) or shutil.which("uv")
    if uv is None:
        raise NoPython("environments are made with uv, which `make setup` installs")
    install = [uv, "pip", "install", "--quiet", "--python", str(inside)]
    _run([uv, "venv", "--quiet", "--clear", "--seed", "--python", str(python.path), str(folder)])
    _run([*install, "--require-hashes", *(word for lock in LOCKS for word in ("-r", lock))])
    ours = [word for member in MEMBERS for word in ("-e", f"./{member}")]
    _run([*install, "--no-deps", "--no-build-isolation", *ours])
    mark.write_text(wanted)
    return inside


def _fingerprint(python: Python) -> str:
    manifests = (*LOCKS, *(f"{member}/pyproject.toml" for member in MEMBERS))
    content = b"".join((ROOT / path).read_bytes() for path in manifests)
    return f"{python.path} {hashlib.sha256(content).hexdigest()}"


def _run(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NoPython(f"{' '.join(command[1:3])} failed: {done.stderr.strip()[-800:]}")
