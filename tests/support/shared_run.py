"""Services for a whole test run: the first test in need starts one, xdist workers share it.

The run's controller makes a folder and names it in KULL_TEST_RUN; workers inherit the name. Each
service runs under a process of its own that ends with the controller, whatever kills that.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Final

RUN = "KULL_TEST_RUN"
ROOT = Path(__file__).parents[2]


spares: Final[set[int]] = set()  # children that a session's fixture keeps for the next module


def folder() -> Path | None:
    """Return the folder of the run that this process is part of, None outside of one."""
    named = os.environ.get(RUN)
    return Path(named) if named and Path(named).is_dir() else None


def open_run() -> Path:
    """Make the run's folder and return it (the controller only)."""
    directory = Path(tempfile.mkdtemp(prefix="kull-test-run-"))
    (directory / "controller").write_text(str(os.getpid()))
    os.environ[RUN] = str(directory)
    return directory


def close_run() -> None:
    """Stop what was started, and remove the run's folder (the controller only)."""
    directory = Path(os.environ.pop(RUN))
    for pid in directory.glob("*.keeper"):
        os.kill(int(pid.read_text()), signal.SIGTERM)
        with pid.with_suffix(".running").open() as running:
            fcntl.flock(running, fcntl.LOCK_EX)  # the keeper holds it until its service has stopped
    shutil.rmtree(directory)


def keepers() -> set[int]:
    """Return the processes under which the run's services are."""
    directory = folder()
    return {int(pid.read_text()) for pid in directory.glob("*.keeper")} if directory else set()


def service(name: str) -> str:
    """Return the line in which `python -m tests.support.<name> --json` says where it serves.

    The first caller of all processes starts it. Raises RuntimeError with the reason when it did
    not start, to every caller.
    """
    directory = Path(os.environ[RUN])
    known = directory / f"{name}.json"
    with (directory / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not known.exists():
            known.write_text(_start(directory, name))
    text = known.read_text()
    if not text:
        raise RuntimeError((directory / f"{name}.log").read_text())
    return text


def _start(directory: Path, name: str) -> str:
    reader, writer = os.pipe()
    controller = (directory / "controller").read_text()
    arguments = ["-m", f"tests.support.{name}", "--json", "--until-exit-of", controller]
    # Not subprocess: it would warn when this worker ends before the service does, as it should.
    keeper = os.posix_spawn(
        sys.executable,
        [sys.executable, *arguments, "--lock", str(directory / f"{name}.running")],
        os.environ | {"PYTHONPATH": str(ROOT)},
        file_actions=[
            (os.POSIX_SPAWN_DUP2, writer, 1),
            (
                os.POSIX_SPAWN_OPEN,
                2,
                str(directory / f"{name}.log"),
                os.O_WRONLY | os.O_CREAT,
                0o600,
            ),
        ],
        setsid=True,
    )
    os.close(writer)
    with os.fdopen(reader) as output:
        line = output.readline()  # empty when the keeper ended without a service
    if line:
        (directory / f"{name}.keeper").write_text(str(keeper))
    return line
