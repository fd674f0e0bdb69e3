"""What a copy of the sources is tried by."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.support.members import MEMBERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much a trial may take. `seeds`: schedules; `jobs`: processes at a time."""

    seeds: int
    jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Catch:
    """What has noticed something. `again`: the trial that consists of that alone."""

    by: str
    said: str
    again: Trial


class Trial(Protocol):
    """Tries a copy of the sources."""

    def attempt(self, tree: Path, effort: Effort) -> Catch | None:
        """Return what was noticed first, None when nothing was."""
        ...


@dataclass(frozen=True, slots=True)
class Simulation:
    """Schedules of the whole mesh, on a store. `seed`: only this one."""

    store: str
    seed: int | None = None

    def __str__(self) -> str:
        return f"the simulation on {self.store}"

    def attempt(self, tree: Path, effort: Effort) -> Catch | None:
        """See `Trial.attempt`."""
        start, seeds = (0, effort.seeds) if self.seed is None else (self.seed, 1)
        found = _python(
            tree,
            *("-W", "ignore", "-m", "tests.simulation", "--stop-at-first"),
            *("--store", self.store, "--start", str(start), "--seeds", str(seeds)),
            *("--jobs", str(effort.jobs)),
        )
        failed = re.search(r"^seed (\d+): (.*)$", found.stdout, re.MULTILINE)
        if bool(failed) != bool(found.returncode):
            sys.exit(f"the simulation did not run: {found.stderr or found.stdout}")
        if failed is None:
            return None
        seed = int(failed[1])
        return Catch(by=f"seed {seed}", said=failed[2], again=Simulation(self.store, seed))


@dataclass(frozen=True, slots=True)
class Contract:
    """The tests of some files, or single ones, that need a real PostgreSQL."""

    tests: tuple[str, ...]

    def __str__(self) -> str:
        return "the contract on PostgreSQL"

    def attempt(self, tree: Path, effort: Effort) -> Catch | None:
        """See `Trial.attempt`."""
        found = _python(tree, "-m", "pytest", "-q", "-x", "-m", "postgres", *self.tests)
        if found.returncode == 0:
            return None
        failed = re.search(r"^FAILED (\S+)(?: - (.*))?$", found.stdout, re.MULTILINE)
        if failed is None:
            sys.exit(f"the contract was not tried: {found.stdout[-3000:]}{found.stderr}")
        name = failed[1].rpartition("::")[2]
        return Catch(by=name, said=failed[2] or "", again=Contract((failed[1],)))


def _python(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(str(tree / member) for member in MEMBERS)
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "300"},  # pytest cuts reasons
        capture_output=True,
        text=True,
        check=False,
    )
