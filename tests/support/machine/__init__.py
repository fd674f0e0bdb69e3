"""What the tests need of this machine, found or installed once in a run.

`python -m tests.support.machine` provides all of it, or what is named, and says what is there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.support import shared_run
from tests.support.machine.outcome import Outcome, State, table
from tests.support.machine.register import Register
from tests.support.machine.things import THINGS

__all__ = ["THINGS", "Outcome", "Register", "State", "need", "provide", "table"]


def provide(names: Iterable[str]) -> dict[str, Outcome]:
    """Find these things or install them; within a run, unless the run has done so."""
    with tempfile.TemporaryDirectory(prefix="kull-machine-") as alone:
        return Register(shared_run.folder() or Path(alone)).provide(names)


def need(*names: str) -> None:
    """Provide these things. Raises RuntimeError when one cannot be had."""
    missing = [each for each in provide(names).values() if not each.there]
    if missing:
        raise RuntimeError("\n".join(table(missing)))
