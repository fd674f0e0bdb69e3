"""Another state of this repository, for the mesh to run: what was before a change."""

from __future__ import annotations

import io
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

from bench.interpreter import PACKAGES, ROOT


@dataclass(frozen=True, slots=True)
class Earlier:
    """The code of a commit, below `folder`."""

    name: str
    folder: Path

    @classmethod
    def of(cls, revision: str, folder: Path, *, repository: Path = ROOT) -> Earlier:
        """Write down a revision's packages below a folder. Raises CalledProcessError."""
        name = _git(repository, "rev-parse", "--short", revision).decode().strip()
        archive = _git(repository, "archive", "--format=zip", name, *PACKAGES)
        with zipfile.ZipFile(io.BytesIO(archive)) as packed:
            packed.extractall(folder)
        return cls(name, folder)

    @property
    def packages(self) -> list[Path]:
        """The folders of its packages."""
        return [self.folder / each for each in PACKAGES]


def _git(repository: Path, *arguments: str) -> bytes:
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout
