"""Stops processes, as a frozen host would: on return not a thread of theirs runs any more."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Final

WITHIN: Final = 10.0  # seconds
_ENDED: Final = frozenset("ZX")
_STOPPED: Final = frozenset("Tt") | _ENDED


def freeze(*pids: int) -> None:
    """Send SIGSTOP and wait until it has been obeyed. Those that are gone are left out.

    The signal alone promises little: on a busy machine the thread that takes it waits for a core,
    and the others go on meanwhile, long enough to answer what a test sends.

    Raises:
        TimeoutError: a thread still runs after `WITHIN` seconds.
    """
    signal_all(signal.SIGSTOP, pids)
    deadline = time.monotonic() + WITHIN
    for pid in pids:
        while running := [state for state in _states(pid) if state not in _STOPPED]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"process {pid} was not stopped: {len(running)} threads run")
            time.sleep(0.001)


def thaw(*pids: int) -> None:
    """Let them go on."""
    signal_all(signal.SIGCONT, pids)


def signal_all(number: signal.Signals, pids: tuple[int, ...] | list[int]) -> None:
    """Send a signal to each that is still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def group(pgid: int) -> list[int]:
    """Return the processes of a process group."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(int(folder.name)) == pgid:
                found.append(int(folder.name))
    return found


def _states(pid: int) -> list[str]:
    """Return the state of each thread, a letter of proc(5)."""
    states = []
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            states.append(stat.read_text().rpartition(")")[2].split()[0])
    return states
