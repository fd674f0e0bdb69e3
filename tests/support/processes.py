"""Processes that a test starts and does not have to end: their owner does.

Whatever a test starts belongs to a `Processes`, the fixture `processes` or one within a `with`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

_IGNORE = """\
import os, signal, sys
signal.signal(signal.Signals[sys.argv[1]], signal.SIG_IGN)
os.execvp(sys.argv[2], sys.argv[2:])
"""


def ignoring(number: signal.Signals, *command: str | Path) -> list[str]:
    """Return a command that is born with a signal ignored, as SIGINT is by a shell's `&`."""
    return [sys.executable, "-c", _IGNORE, number.name, *map(str, command)]


_LIMITED = """\
import os, resource, sys
files = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (files // 2, files))
os.execvp(sys.argv[2], sys.argv[2:])
"""


def with_few_files(hard: int, *command: str | Path) -> list[str]:
    """Return a command that may have so many files open, half of them before it asks for more."""
    return [sys.executable, "-c", _LIMITED, str(hard), *map(str, command)]


class Processes:
    """Owns processes: at the end each that still runs is killed, with all it has started."""

    def __init__(self) -> None:
        self._popen: list[subprocess.Popen[Any]] = []
        self._asyncio: list[asyncio.subprocess.Process] = []

    def start(
        self, *command: str | Path, env: Mapping[str, str] | None = None, **options: Any
    ) -> subprocess.Popen[Any]:
        """Start a program. `env` is added to this process's own; `options` are Popen's."""
        process = subprocess.Popen(list(command), env={**os.environ, **(env or {})}, **options)
        self._popen.append(process)
        return process

    def python(self, *arguments: str | Path, **options: Any) -> subprocess.Popen[Any]:
        """Start a program of this Python."""
        return self.start(sys.executable, *arguments, **options)

    async def start_async(
        self, *command: str | Path, env: Mapping[str, str] | None = None, **options: Any
    ) -> asyncio.subprocess.Process:
        """Start a program for the running event loop; wait for it with `aclose`."""
        process = await asyncio.create_subprocess_exec(
            *command, env={**os.environ, **(env or {})}, **options
        )
        self._asyncio.append(process)
        return process

    def close(self) -> None:
        """Kill what still runs, and wait for it. Idempotent."""
        for process in self._popen:
            if process.poll() is None:
                kill_tree(process.pid)
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    with contextlib.suppress(OSError):  # what nobody reads any more
                        pipe.close()
        self._popen.clear()

    async def aclose(self) -> None:
        """Kill what still runs, and wait for it. Idempotent."""
        for process in self._asyncio:
            if process.returncode is None:
                kill_tree(process.pid)
            await process.communicate()  # closes its pipes
        self._asyncio.clear()
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


def kill_tree(pid: int) -> None:
    """Kill a process and all that descend from it, also those in sessions of their own."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)  # so that it starts no further one
    for child in children(pid):
        kill_tree(child)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    """Return the processes that a process has started and that are still there."""
    found: list[int] = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError):
            found += map(int, tasks.read_text().split())
    return found


def descendants(pid: int) -> list[int]:
    """Return what a process has started, and what these have."""
    return [each for child in children(pid) for each in (child, *descendants(child))]


def has_ended(pid: int) -> bool:
    """Tell whether a process is gone, or waits only for somebody to ask how it went."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def command_line(pid: int) -> str:
    """Return what a process was started with, for people."""
    with contextlib.suppress(FileNotFoundError, PermissionError):
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ").strip()
    return "?"
