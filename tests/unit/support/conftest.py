"""A small test run of its own, in a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tests.support import processes, shared_run

ROOT = Path(__file__).parents[3]
SETTINGS = """\
[pytest]
filterwarnings = error
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
"""
# Those of the environment are slow to load, and these runs do without.
PLUGINS = [
    *("-p", "no:cacheprovider", "-p", "pytest_asyncio.plugin"),
    *("-p", "xdist.plugin", "-p", "pytest_timeout"),
]
NOT_OURS = (shared_run.RUN, "COVERAGE_", "PYTEST_")  # it is no part of the run around it
WITHIN = 100.0  # seconds; generous, since machines are shared
SmallRun = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def small_run(tmp_path: Path) -> SmallRun:
    """Run pytest on `conftest` and `tests`, two texts, as strictly as this run is.

    ignored: signals that are ignored by whoever starts the run.
    """
    (tmp_path / "pytest.ini").write_text(SETTINGS)

    def run(
        conftest: str, tests: str, *options: str, ignored: Iterable[signal.Signals] = (), **env: str
    ) -> subprocess.CompletedProcess[str]:
        (tmp_path / "conftest.py").write_text(conftest)
        (tmp_path / "test_small.py").write_text(tests)
        ours = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
        command = [sys.executable, "-m", "pytest", *PLUGINS, *options]
        for number in ignored:
            command = processes.ignoring(number, *command)
        return subprocess.run(
            command,
            cwd=tmp_path,
            env={**ours, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=WITHIN,
        )

    return run
